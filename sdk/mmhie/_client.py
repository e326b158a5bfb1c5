"""The synchronous client: safe to share between threads."""

import contextlib
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Self, TypeVar, Unpack

from mmhie import _fork
from mmhie._answer import Answer, End
from mmhie._base_client import BaseClient
from mmhie._errors import ClientTimeoutError, MMHIEError, ServiceError
from mmhie._feedback import Category, FeedbackReceipt, Severity, feedback_request, read_receipt
from mmhie._gateway_errors import NotFoundError
from mmhie._http import (
    TIMED_OUT,
    Address,
    build_request,
    open_client,
    translate_errors,
    wait_at_most,
)
from mmhie._request import (
    MODELS,
    READY,
    GenerateOptions,
    Request,
    SamplingOptions,
    chat_request,
    generate_request,
    refuse_text,
)
from mmhie._response import (
    Response,
    error_of,
    read_chat,
    read_generate,
    read_object,
    readiness_error,
)
from mmhie._retry import Backoff, Deadline
from mmhie._stream import AnswerStream
from mmhie._text import MedicalText, text_of, warn

if TYPE_CHECKING:
    import httpx2

T = TypeVar("T")


class MedicalReasoningLLM(BaseClient):
    """A medical reasoning model behind HTTP. One instance serves any number of threads.

    `instance()` is the one of this process. Outputs are not clinical advice: show the disclaimer
    that comes with every Answer.
    """

    _client: "httpx2.Client | None"
    _client_address: Address | None

    def generate(
        self,
        prompt: str,
        max_tokens: int | None = None,
        temperature: float = 0.0,
        **options: Unpack[GenerateOptions],
    ) -> MedicalText:
        """Return a str that carries its labels; a MedicalTextWarning where it was cut off or has
        notices.

        Raises an MMHIEError; a timeout is a TimeoutError as well. MMHIE_MAX_TOKENS caps max_tokens.
        """
        return text_of(self.generate_detailed(prompt, max_tokens, temperature, **options))

    def generate_detailed(
        self,
        prompt: str,
        max_tokens: int | None = None,
        temperature: float = 0.0,
        **options: Unpack[GenerateOptions],
    ) -> Answer:
        """Return the answer with its disclaimer, notices, warnings, usage and provenance."""
        request = generate_request(
            prompt, self._cap(max_tokens), temperature, options, stream=False
        )
        return read_generate(self._send(request))

    def stream(
        self,
        prompt: str,
        max_tokens: int | None = None,
        temperature: float = 0.0,
        **options: Unpack[GenerateOptions],
    ) -> AnswerStream:
        """Return a context manager of typed events as the engine emits them; leaving it cancels."""
        request = generate_request(prompt, self._cap(max_tokens), temperature, options, stream=True)
        return AnswerStream(lambda: self._retry(lambda deadline: self._open(request, deadline)))

    def stream_generate(
        self,
        prompt: str,
        chunk_size: int = 64,
        max_tokens: int | None = None,
        temperature: float = 0.0,
        **options: Unpack[GenerateOptions],
    ) -> Generator[MedicalText, None, None]:
        """Yield the answer's text as it arrives; closing the iterator cancels.

        The last piece is empty and has the whole answer: disclaimer, truncated, provenance.

        `chunk_size` is accepted for compatibility and ignored: the pieces are the engine's own.
        A failure raises, also midway.
        """
        with self.stream(prompt, max_tokens, temperature, **options) as events:
            for event in events:
                if isinstance(event, End):
                    warn(event.answer)
                if (piece := events.piece(event)) is not None:
                    yield piece

    def chat(
        self,
        messages: Sequence[Mapping[str, object]],
        max_tokens: int | None = None,
        temperature: float = 0.0,
        **options: Unpack[SamplingOptions],
    ) -> MedicalText:
        """Return the answer's text in a conversation of `{"role", "content"}` messages."""
        return text_of(self.chat_detailed(messages, max_tokens, temperature, **options))

    def chat_detailed(
        self,
        messages: Sequence[Mapping[str, object]],
        max_tokens: int | None = None,
        temperature: float = 0.0,
        **options: Unpack[SamplingOptions],
    ) -> Answer:
        """Return the same with disclaimer, notices, warnings, usage and provenance."""
        refuse_text(messages)
        self._http()  # a local server starts here, before the clock of the answer does
        backoff = self._backoff()  # one for listing the models and asking

        def ask(model: str | None) -> Answer:
            request = chat_request(messages, model, self._cap(max_tokens), temperature, options)
            return read_chat(self._send(request, backoff))

        known = self._model_id
        if known is not None:
            with contextlib.suppress(NotFoundError):  # restarted with another model
                return ask(known)
        try:
            listed = self._send(MODELS, backoff)
        except ServiceError:  # the refusal of the question itself has the question's notices
            return ask(None)
        return ask(self._choose_model(listed))

    def feedback(
        self,
        request_id: str | None,
        category: Category,
        severity: Severity | None = None,
        *,
        comment: str | None = None,
        corrected_text: str | None = None,
        reviewer: str | None = None,
    ) -> FeedbackReceipt:
        """Flag the answer of this request id, or sign it off; return the receipt.

        Texts are kept encrypted, or refused where the operator has set no key: InvalidRequestError.
        An id that is unknown, another caller's or too old: AnswerNotFoundError.
        """
        request = feedback_request(
            request_id, category, severity, comment, corrected_text, reviewer
        )
        return read_receipt(self._send(request))

    def warm_up(self, timeout_seconds: float | None = None) -> None:
        """Wait until the model is ready; with the `local` backend, start its server.

        Polls once a second for `timeout_seconds` (MMHIE_START_TIMEOUT_SECONDS), then raises the
        last error. A hold, or another service at the address, is raised at once; the key is not
        checked.
        """
        self._http()  # a local server starts here, before the clock of the polling does
        polling = self._polling(timeout_seconds)
        read_object(
            self._retry(lambda deadline: self._exchange(READY, deadline, readiness_error), polling)
        )

    def close(self) -> None:
        """Close idle connections and release the local server; the next call opens them again."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()
        self._release_local_server()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def forget(self) -> None:
        """Forget the configuration; connections to the old address are closed."""
        self.close()
        super().forget()

    def renew_after_fork(self) -> None:
        """Drop the connections in a forked child: two processes must not share one."""
        _fork.keep(self._client)
        super().renew_after_fork()

    def _forget_connections(self) -> None:
        self._client = self._client_address = None

    def _send(self, request: Request, backoff: Backoff | None = None) -> Response:
        return self._retry(lambda deadline: self._exchange(request, deadline), backoff)

    def _retry(self, attempt: Callable[[Deadline], T], deadline: Deadline | None = None) -> T:
        """Call `attempt` until it succeeds or its error is final."""
        self._http()  # a local server starts here, before the clock of the answer does
        deadline = deadline or self._backoff()
        while True:
            try:
                return attempt(deadline)
            except MMHIEError as error:
                delay = deadline.delay_after(error)
                if delay is None:
                    raise
            time.sleep(delay)

    def _exchange(
        self,
        request: Request,
        deadline: Deadline,
        failure: Callable[[Response], MMHIEError] = error_of,
    ) -> Response:
        """Make one attempt at a whole answer. Raises `failure` of an error status."""
        client = self._http()
        with translate_errors():
            sent = build_request(client, request, deadline.remaining())
            received = client.send(sent, stream=True)
            wait_at_most(sent, deadline.remaining())
            try:
                body = b"".join(_until(deadline, received.iter_bytes()))
            finally:
                received.close()
        response = Response(received.status_code, received.headers, body)
        if response.status != 200:
            raise failure(response)
        return response

    def _open(self, request: Request, deadline: Deadline) -> "httpx2.Response":
        """Make one attempt at a stream; the caller owns the response."""
        client = self._http()
        with translate_errors():
            sent = build_request(client, request, deadline.remaining())
            received = client.send(sent, stream=True)
            wait_at_most(sent, self.config.timeout_seconds)
            if received.status_code == 200:
                return received
            try:
                body = b"".join(_until(deadline, received.iter_bytes()))
            finally:
                received.close()
        raise error_of(Response(received.status_code, received.headers, body))

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


def _until(deadline: Deadline, chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the chunks. Raises ClientTimeoutError at the deadline, however the server trickles."""
    for chunk in chunks:
        if deadline.remaining() <= 0:
            raise ClientTimeoutError(TIMED_OUT)
        yield chunk
