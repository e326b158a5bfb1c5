"""The synchronous client: safe to share between threads."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar, Unpack

from mmhie import _fork
from mmhie._answer import Answer
from mmhie._call import MODELS, READY, Call
from mmhie._caller import MARGIN_SECONDS, Caller
from mmhie._config import LLMConfig
from mmhie._errors import ClientTimeoutError, MMHIEError, NotFoundError
from mmhie._events import Delta
from mmhie._http import TOO_SLOW, Address, build_request, open_client, translated
from mmhie._options import GenerateOptions, SamplingOptions
from mmhie._pause import LOOK_SECONDS, Patience, is_worth_waiting
from mmhie._reply import Reply, not_ready, read_chat, read_generate, read_model_ids, refusal
from mmhie._stream import AnswerStream

if TYPE_CHECKING:
    import httpx2

T = TypeVar("T")


class MedicalReasoningLLM(Caller):
    """A medical reasoning model behind HTTP. One instance serves any number of threads.

    `instance()` is the one of this process. Outputs are not clinical advice: show the disclaimer
    that comes with every Answer.
    """

    def __init__(
        self,
        config: LLMConfig | None = None,
        *,
        max_retries: int = 2,
        margin_seconds: float = MARGIN_SECONDS,
    ) -> None:
        super().__init__(config, max_retries=max_retries, margin_seconds=margin_seconds)
        self._client: httpx2.Client | None = None
        self._client_address: Address | None = None

    def generate(
        self,
        prompt: str,
        max_tokens: int | None = None,
        temperature: float = 0.0,
        **options: Unpack[GenerateOptions],
    ) -> str:
        """The answer's text, also where it was cut off (generate_detailed says so).

        Raises an MMHIEError; a timeout is a TimeoutError as well. MMHIE_MAX_TOKENS caps max_tokens.
        """
        return self.generate_detailed(prompt, max_tokens, temperature, **options).text

    def generate_detailed(
        self,
        prompt: str,
        max_tokens: int | None = None,
        temperature: float = 0.0,
        **options: Unpack[GenerateOptions],
    ) -> Answer:
        """The answer with its disclaimer, notices, warnings, usage and provenance."""
        call = self._generate_call(prompt, max_tokens, temperature, options, stream=False)
        return read_generate(self._send(call))

    def stream(
        self,
        prompt: str,
        max_tokens: int | None = None,
        temperature: float = 0.0,
        **options: Unpack[GenerateOptions],
    ) -> AnswerStream:
        """A context manager of typed events, as the engine emits them; leaving it cancels."""
        call = self._generate_call(prompt, max_tokens, temperature, options, stream=True)
        return AnswerStream(lambda: self._open(call))

    def stream_generate(
        self,
        prompt: str,
        chunk_size: int = 64,
        max_tokens: int | None = None,
        temperature: float = 0.0,
        **options: Unpack[GenerateOptions],
    ) -> Iterator[str]:
        """Pieces of the answer as they arrive; closing the iterator cancels.

        `chunk_size` is accepted for compatibility and means nothing now: it once cut a finished
        answer into pieces, while these are the engine's own. A failure raises, also midway.
        """
        with self.stream(prompt, max_tokens, temperature, **options) as events:
            for event in events:
                if isinstance(event, Delta):
                    yield event.text

    def chat(
        self,
        messages: Sequence[Mapping[str, object]],
        max_tokens: int | None = None,
        temperature: float = 0.7,
        **options: Unpack[SamplingOptions],
    ) -> str:
        """The answer to a conversation of `{"role", "content"}` messages."""
        return self.chat_detailed(messages, max_tokens, temperature, **options).text

    def chat_detailed(
        self,
        messages: Sequence[Mapping[str, object]],
        max_tokens: int | None = None,
        temperature: float = 0.7,
        **options: Unpack[SamplingOptions],
    ) -> Answer:
        """The same with disclaimer, notices, warnings, usage and provenance."""

        def ask(model: str) -> Answer:
            call = self._chat_call(messages, model, max_tokens, temperature, options)
            return read_chat(self._send(call))

        known = self._model_id
        if known is None:
            return ask(self._served_model())
        try:
            return ask(known)
        except NotFoundError:  # the server has been restarted with another model
            return ask(self._served_model())

    def warm_up(self, timeout_seconds: float | None = None) -> None:
        """Wait until a question would be answered; with the `local` backend, start its server.

        Looks once a second for MMHIE_START_TIMEOUT_SECONDS, or as told; then raises what the last
        look met. A hold, a wrong address or key is raised at once.
        """
        self._http()
        patience = self._warm_up_patience(timeout_seconds)
        while True:
            try:
                self._exchange(READY, patience, not_ready)
                return
            except MMHIEError as error:
                if not is_worth_waiting(error) or patience.left() <= LOOK_SECONDS:
                    raise
            time.sleep(LOOK_SECONDS)

    def close(self) -> None:
        """Close idle connections and let go of the local server; the next call opens them again."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()
        self._release_local_server()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def forget(self) -> None:
        """Forget the configuration; connections to the old address are closed."""
        self.close()
        super().forget()

    def renew_after_fork(self) -> None:
        """A new client after a fork: two processes must not share a connection."""
        super().renew_after_fork()
        _fork.keep(self._client)
        self._client = None

    def _served_model(self) -> str:
        return self._choose_model(read_model_ids(self._send(MODELS)))

    def _send(self, call: Call) -> Reply:
        return self._patiently(lambda patience: self._exchange(call, patience))

    def _open(self, call: Call) -> "httpx2.Response":
        return self._patiently(lambda _: self._open_once(call))

    def _patiently(self, attempt: Callable[[Patience], T]) -> T:
        """Call `attempt` until it succeeds or its error is one that is not retried."""
        self._http()  # a local server starts here, before the clock of the answer does
        patience = self._patience()
        while True:
            try:
                return attempt(patience)
            except MMHIEError as error:
                pause = patience.pause_after(error)
                if pause is None:
                    raise
            time.sleep(pause)

    def _exchange(
        self, call: Call, patience: Patience, refused: Callable[[Reply], MMHIEError] = refusal
    ) -> Reply:
        """One attempt at a whole answer, an error status included."""
        client = self._http()
        with translated():
            response = client.send(build_request(client, call, patience.left()), stream=True)
            try:
                body = b"".join(_until_deadline(response.iter_bytes(), patience))
            finally:
                response.close()
        reply = Reply(response.status_code, response.headers, body)
        if reply.status != 200:
            raise refused(reply)
        return reply

    def _open_once(self, call: Call) -> "httpx2.Response":
        """One attempt at a stream; the caller owns the response. Raises for an error status."""
        client = self._http()
        with translated():
            request = build_request(client, call, self._longest_wait())
            response = client.send(request, stream=True)
            if response.status_code == 200:
                return response
            try:
                body = response.read()
            finally:
                response.close()
        raise refusal(Reply(response.status_code, response.headers, body))

    def _http(self) -> "httpx2.Client":
        address = self._address()
        with self._lock:
            if self._client is not None and self._client_address != address:
                self._client.close()  # the local server has died and started at another port
                self._client = None
            if self._client is None:
                self._client = open_client(address, self.config.api_key)
                self._client_address = address
            return self._client


def _until_deadline(chunks: Iterable[bytes], patience: Patience) -> Iterator[bytes]:
    """The chunks; a server that trickles is given up on at the deadline all the same."""
    for chunk in chunks:
        if patience.left() <= 0:
            raise ClientTimeoutError(TOO_SLOW)
        yield chunk
