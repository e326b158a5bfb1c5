"""The client. Its calls are safe to share between threads, or between tasks and event loops."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import TYPE_CHECKING, Self, TypeVar, Unpack

from mmhie._answer import Answer, End
from mmhie._async_io import AsyncConnections, Attempt, in_thread, sleep
from mmhie._async_stream import AsyncAnswerStream
from mmhie._base_client import BaseClient
from mmhie._config import check_key
from mmhie._errors import MMHIEError, RequestError
from mmhie._feedback import Category, FeedbackReceipt, Severity, feedback_request, read_receipt
from mmhie._http import Address, build_request, translate_errors, wait_at_most
from mmhie._options import (
    CareOptions,
    GenerateOptions,
    Options,
    SamplingOptions,
    read_options,
)
from mmhie._request import (
    MODELS,
    READY,
    Request,
    chat_request,
    generate_request,
    refuse_text,
)
from mmhie._response import Response, error_of, read_chat, read_generate, read_readiness
from mmhie._retry import Backoff, Deadline, Polling
from mmhie._text import MedicalText, text_of, warn

if TYPE_CHECKING:
    import httpx2

POLL_SECONDS = 0.25  # while a local server starts
T = TypeVar("T")


class AsyncMedicalReasoningLLM(BaseClient):
    """A medical reasoning model behind HTTP; `instance()` is the one of this process.

    Outputs are not clinical advice: show the disclaimer that comes with every answer.
    """

    _pool = AsyncConnections
    _connections: AsyncConnections

    async def generate(
        self,
        prompt: str,
        max_tokens: int | None = None,
        temperature: float = 0.0,
        **options: Unpack[GenerateOptions],
    ) -> MedicalText:
        """Return a str that has its labels; warn where it was cut off or has notices.

        Raises an MMHIEError; a timeout is a TimeoutError as well. MMHIE_MAX_TOKENS caps max_tokens.
        """
        return text_of(await self.generate_detailed(prompt, max_tokens, temperature, **options))

    async def generate_detailed(
        self,
        prompt: str,
        max_tokens: int | None = None,
        temperature: float = 0.0,
        **options: Unpack[GenerateOptions],
    ) -> Answer:
        """Return the answer with its disclaimer, notices, warnings, usage and provenance."""
        checked, cap = read_options(options, GenerateOptions), self._cap(max_tokens)
        request = generate_request(prompt, cap, temperature, checked, stream=False)
        return read_generate(await self._send(request))

    def stream(
        self,
        prompt: str,
        max_tokens: int | None = None,
        temperature: float = 0.0,
        **options: Unpack[GenerateOptions],
    ) -> AsyncAnswerStream:
        """Return a context manager of typed events as the engine emits them; leaving it cancels."""
        checked, cap = read_options(options, GenerateOptions), self._cap(max_tokens)
        request = generate_request(prompt, cap, temperature, checked, stream=True)
        return AsyncAnswerStream(
            lambda: self._retry(lambda deadline: self._open(request, deadline), checked)
        )

    async def stream_generate(
        self,
        prompt: str,
        chunk_size: int = 64,
        max_tokens: int | None = None,
        temperature: float = 0.0,
        **options: Unpack[GenerateOptions],
    ) -> AsyncGenerator[MedicalText, None]:
        """Yield the answer's text as it arrives; closing the iterator cancels.

        The last piece is empty and has the whole answer: disclaimer, truncated, provenance. A
        failure raises, also midway. `chunk_size` is ignored: the pieces are the engine's own.
        To stop early under asyncio use `stream`: Python closes an async iterator only later.
        """
        async with self.stream(prompt, max_tokens, temperature, **options) as events:
            async for event in events:
                if isinstance(event, End):
                    warn(event.answer)
                if (piece := events.piece(event)) is not None:
                    yield piece

    async def chat(
        self,
        messages: Sequence[Mapping[str, object]],
        max_tokens: int | None = None,
        temperature: float = 0.0,
        **options: Unpack[SamplingOptions],
    ) -> MedicalText:
        """Return the answer's text in a conversation of `{"role", "content"}` messages."""
        return text_of(await self.chat_detailed(messages, max_tokens, temperature, **options))

    async def chat_detailed(
        self,
        messages: Sequence[Mapping[str, object]],
        max_tokens: int | None = None,
        temperature: float = 0.0,
        **options: Unpack[SamplingOptions],
    ) -> Answer:
        """Return the same with disclaimer, notices, warnings, usage and provenance."""
        refuse_text(messages)
        checked, cap = read_options(options, SamplingOptions), self._cap(max_tokens)
        await self._http()  # a local server starts here, before the clock of the answer does
        backoff = self._backoff(checked)  # one for listing the models and asking

        async def ask(model: str | None) -> Answer:
            request = chat_request(messages, model, cap, temperature, checked)
            return read_chat(await self._send(request, backoff))

        if self._model_id is not None:
            try:
                return await ask(self._model_id)
            except RequestError as error:
                if error.status != 404:  # restarted with another model
                    raise
        return await ask(await self._model(backoff))

    async def feedback(
        self,
        request_id: str | None,
        category: Category,
        severity: Severity | None = None,
        *,
        comment: str | None = None,
        corrected_text: str | None = None,
        reviewer: str | None = None,
        **options: Unpack[CareOptions],
    ) -> FeedbackReceipt:
        """Flag the answer of this request id, or sign it off; return the receipt.

        RequestError: texts where the operator has set no key to encrypt them, or an id that is
        unknown, another caller's or too old (`answer_not_found`).
        """
        request = feedback_request(
            request_id,
            read_options(options, CareOptions),
            category=category,
            severity=severity,
            comment=comment,
            corrected_text=corrected_text,
            reviewer=reviewer,
        )
        return read_receipt(await self._send(request))

    async def warm_up(self, timeout_seconds: float | None = None) -> None:
        """Wait until the model is ready; with the `local` backend, start its server.

        Polls once a second for `timeout_seconds` (MMHIE_START_TIMEOUT_SECONDS), then raises the
        last error. A hold, or another service at the address, is raised at once; the key is not
        checked.
        """
        await self._http()  # a local server starts here, before the clock of the polling does

        async def poll(deadline: Deadline) -> None:
            read_readiness(await self._exchange(READY, deadline))

        await self._retry(poll, READY.options, self._polling(timeout_seconds))

    async def aclose(self) -> None:
        """Close idle connections, under asyncio those of the running loop; calls open new ones."""
        await self._connections.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.aclose()

    async def _model(self, backoff: Backoff) -> str | None:
        """Return the model to name; None where the refusal of the question says more."""
        try:
            return self._choose_model(await self._send(MODELS, backoff))
        except MMHIEError as error:
            if error.status is None or error.status < 500:
                raise
            return None  # the refusal of the question itself has the question's notices

    async def _send(self, request: Request, backoff: Backoff | None = None) -> Response:
        async def attempt(deadline: Deadline) -> Response:
            response = await self._exchange(request, deadline)
            if response.status != 200:
                raise error_of(response)
            return response

        return await self._retry(attempt, request.options, backoff)

    async def _retry(
        self, attempt: Attempt[T], options: Options, retries: Backoff | Polling | None = None
    ) -> T:
        """Call `attempt` until it succeeds or its error is final."""
        await self._http()  # a local server starts here, before the clock of the answer does
        retries = retries or self._backoff(options)
        while True:
            try:
                return await attempt(retries)
            except MMHIEError as error:
                delay = retries.delay_after(error)
                if delay is None:
                    raise
            await sleep(delay)

    async def _exchange(self, request: Request, deadline: Deadline) -> Response:
        """Make one attempt at a whole response, whatever its status."""
        with translate_errors():
            received = await self._begin(request, deadline, deadline.remaining())
            return await self._finish(received, deadline)

    async def _open(self, request: Request, deadline: Deadline) -> "httpx2.Response":
        """Make one attempt at a stream; the caller owns the response."""
        with translate_errors():
            received = await self._begin(request, deadline, self._timeout(request.options))
            if received.status_code == 200:
                return received
            response = await self._finish(received, deadline)
        raise error_of(response)

    async def _begin(
        self, request: Request, deadline: Deadline, idle_seconds: float
    ) -> "httpx2.Response":
        """Send the request and return the response before its body, which may then pause."""
        client, key = await self._http(), await self._key()
        sent = build_request(client, request, key, deadline.remaining())
        received = await client.send(sent, stream=True)
        wait_at_most(sent, idle_seconds)
        return received

    async def _finish(self, received: "httpx2.Response", deadline: Deadline) -> Response:
        """Return the whole response; its time is limited however slowly the server sends."""
        body = bytearray()
        try:
            async for chunk in received.aiter_bytes():
                body += chunk
                deadline.check()
        finally:
            await received.aclose()
        return Response(received.status_code, received.headers, bytes(body))

    async def _http(self) -> "httpx2.AsyncClient":
        """Return a client for the address; wait for the server of the `local` backend."""
        is_local = self.config.backend == "local"
        url = await self._local_url() if is_local else self.config.url
        return await self._connections.client(Address.of(url))

    async def _key(self) -> str | None:
        """Return the key; a function that gets a token may wait. A local server needs none."""
        key = self.config.api_key
        if key is None or self.config.backend == "local":
            return None
        return key if isinstance(key, str) else check_key(await in_thread(key))

    async def _local_url(self) -> str:
        """Return the local server's address once it is ready; a wait that is cancelled ends."""
        server = self._local_server()
        deadline = server.deadline()
        while (url := await in_thread(lambda: server.poll(deadline))) is None:
            await sleep(POLL_SECONDS)
        return url
