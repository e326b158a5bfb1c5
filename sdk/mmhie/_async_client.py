"""The asyncio client: safe to share between tasks, and between event loops."""

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Self, TypeVar, Unpack
from weakref import WeakKeyDictionary

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
    open_async_client,
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
from mmhie._stream import AsyncAnswerStream
from mmhie._text import MedicalText, text_of, warn

if TYPE_CHECKING:
    import asyncio  # imported where used: it costs 40 ms and backends without it never need it

    import httpx2

T = TypeVar("T")


class AsyncMedicalReasoningLLM(BaseClient):
    """The asyncio twin of MedicalReasoningLLM: the same names, arguments and errors.

    Close it with `aclose` or `async with` in the event loop that used it.
    """

    _clients: "_Clients"

    async def generate(
        self,
        prompt: str,
        max_tokens: int | None = None,
        temperature: float = 0.0,
        **options: Unpack[GenerateOptions],
    ) -> MedicalText:
        """Return a str that carries its labels, as in the sync client."""
        return text_of(await self.generate_detailed(prompt, max_tokens, temperature, **options))

    async def generate_detailed(
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
        return read_generate(await self._send(request))

    def stream(
        self,
        prompt: str,
        max_tokens: int | None = None,
        temperature: float = 0.0,
        **options: Unpack[GenerateOptions],
    ) -> AsyncAnswerStream:
        """Return an async context manager of typed events; leaving it cancels."""
        request = generate_request(prompt, self._cap(max_tokens), temperature, options, stream=True)
        return AsyncAnswerStream(
            lambda: self._retry(lambda deadline: self._open(request, deadline))
        )

    async def stream_generate(
        self,
        prompt: str,
        chunk_size: int = 64,
        max_tokens: int | None = None,
        temperature: float = 0.0,
        **options: Unpack[GenerateOptions],
    ) -> AsyncGenerator[MedicalText, None]:
        """Yield the answer's text as it arrives; `chunk_size` is ignored, as in the sync client.

        To stop early for certain, use `stream`: Python closes a left async iterator only later.
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
        await self._http()  # a local server starts here, before the clock of the answer does
        backoff = self._backoff()  # one for listing the models and asking

        async def ask(model: str | None) -> Answer:
            request = chat_request(messages, model, self._cap(max_tokens), temperature, options)
            return read_chat(await self._send(request, backoff))

        known = self._model_id
        if known is not None:
            with contextlib.suppress(NotFoundError):  # restarted with another model
                return await ask(known)
        try:
            listed = await self._send(MODELS, backoff)
        except ServiceError:  # the refusal of the question itself has the question's notices
            return await ask(None)
        return await ask(self._choose_model(listed))

    async def feedback(
        self,
        request_id: str | None,
        category: Category,
        severity: Severity | None = None,
        *,
        comment: str | None = None,
        corrected_text: str | None = None,
        reviewer: str | None = None,
    ) -> FeedbackReceipt:
        """Flag the answer of this request id, or sign it off, as in the sync client."""
        request = feedback_request(
            request_id, category, severity, comment, corrected_text, reviewer
        )
        return read_receipt(await self._send(request))

    async def warm_up(self, timeout_seconds: float | None = None) -> None:
        """Wait until the model is ready, as in the sync client."""
        await self._http()  # a local server starts here, before the clock of the polling does
        polling = self._polling(timeout_seconds)
        read_object(
            await self._retry(
                lambda deadline: self._exchange(READY, deadline, readiness_error), polling
            )
        )

    async def aclose(self) -> None:
        """Close this loop's idle connections and release the local server."""
        import asyncio

        opened = self._clients.pop(asyncio.get_running_loop(), None)
        if opened is not None:
            await opened[1].aclose()
        await asyncio.to_thread(self._release_local_server)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.aclose()

    def renew_after_fork(self) -> None:
        """Drop the connections in a forked child: two processes must not share one."""
        _fork.keep(dict(self._clients))
        super().renew_after_fork()

    def _forget_connections(self) -> None:
        self._clients = WeakKeyDictionary()

    async def _send(self, request: Request, backoff: Backoff | None = None) -> Response:
        return await self._retry(lambda deadline: self._exchange(request, deadline), backoff)

    async def _retry(
        self, attempt: Callable[[Deadline], Awaitable[T]], deadline: Deadline | None = None
    ) -> T:
        """Call `attempt` until it succeeds or its error is final."""
        import asyncio

        await self._http()  # a local server starts here, before the clock of the answer does
        deadline = deadline or self._backoff()
        while True:
            try:
                return await attempt(deadline)
            except MMHIEError as error:
                delay = deadline.delay_after(error)
                if delay is None:
                    raise
            await asyncio.sleep(delay)

    async def _exchange(
        self,
        request: Request,
        deadline: Deadline,
        failure: Callable[[Response], MMHIEError] = error_of,
    ) -> Response:
        """Make one attempt at a whole answer. Raises `failure` of an error status."""
        async with _within(deadline) as seconds:
            client = await self._http()
            received = await client.send(build_request(client, request, seconds))
        response = Response(received.status_code, received.headers, received.content)
        if response.status != 200:
            raise failure(response)
        return response

    async def _open(self, request: Request, deadline: Deadline) -> "httpx2.Response":
        """Make one attempt at a stream; the caller owns the response."""
        async with _within(deadline) as seconds:
            client = await self._http()
            sent = build_request(client, request, seconds)
            received = await client.send(sent, stream=True)
            wait_at_most(sent, self.config.timeout_seconds)
            if received.status_code == 200:
                return received
            try:
                body = await received.aread()
            finally:
                await received.aclose()
        raise error_of(Response(received.status_code, received.headers, body))

    async def _http(self) -> "httpx2.AsyncClient":
        """Return this event loop's client: connections cannot be used from another loop."""
        import asyncio

        is_local = self.config.backend == "local"
        address = await asyncio.to_thread(self._address) if is_local else self._address()
        loop = asyncio.get_running_loop()
        opened = self._clients.get(loop)
        if opened is not None and opened[0] != address:
            await opened[1].aclose()  # the local server has died and started at another port
            opened = None
        if opened is None:
            self._forget_closed_loops()
            opened = (address, open_async_client(address, self.config.api_key))
            self._clients[loop] = opened
        return opened[1]

    def _forget_closed_loops(self) -> None:
        """Let go of connections of loops that ended without `aclose`.

        A connection refers to its loop, so the dictionary's weak keys alone never would.
        """
        for reference in self._clients.keyrefs():  # a copy: other threads have loops, too
            loop = reference()
            if loop is not None and loop.is_closed():
                self._clients.pop(loop, None)


@contextlib.asynccontextmanager
async def _within(deadline: Deadline) -> AsyncIterator[float]:
    """Yield the seconds that are left; end what takes longer, however the server trickles."""
    import asyncio

    seconds = deadline.remaining()
    try:
        async with asyncio.timeout(seconds):  # over all: httpx2's is between two arrivals
            with translate_errors():
                yield seconds
    except MMHIEError:  # some are TimeoutErrors, too, and more specific
        raise
    except TimeoutError as error:
        raise ClientTimeoutError(TIMED_OUT) from error


_Clients = WeakKeyDictionary["asyncio.AbstractEventLoop", tuple[Address, "httpx2.AsyncClient"]]
