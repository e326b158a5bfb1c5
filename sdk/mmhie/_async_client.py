"""The asyncio client: safe to share between tasks, and between event loops."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar, Unpack
from weakref import WeakKeyDictionary

from mmhie import _fork
from mmhie._answer import Answer
from mmhie._async_stream import AsyncAnswerStream
from mmhie._call import MODELS, READY, Call
from mmhie._caller import MARGIN_SECONDS, Caller
from mmhie._config import LLMConfig
from mmhie._errors import ClientTimeoutError, MMHIEError, NotFoundError
from mmhie._events import Delta
from mmhie._http import TOO_SLOW, Address, build_request, open_async_client, translated
from mmhie._options import GenerateOptions, SamplingOptions
from mmhie._pause import LOOK_SECONDS, Patience, is_worth_waiting
from mmhie._reply import Reply, not_ready, read_chat, read_generate, read_model_ids, refusal

if TYPE_CHECKING:
    import asyncio  # imported where used: it costs 40 ms and backends without it never need it

    import httpx2

T = TypeVar("T")


class AsyncMedicalReasoningLLM(Caller):
    """The asyncio twin of MedicalReasoningLLM: the same names, arguments and errors.

    Close it with `aclose` or `async with` in the event loop that used it.
    """

    def __init__(
        self,
        config: LLMConfig | None = None,
        *,
        max_retries: int = 2,
        margin_seconds: float = MARGIN_SECONDS,
    ) -> None:
        super().__init__(config, max_retries=max_retries, margin_seconds=margin_seconds)
        self._clients: _Clients = WeakKeyDictionary()

    async def generate(
        self,
        prompt: str,
        max_tokens: int | None = None,
        temperature: float = 0.0,
        **options: Unpack[GenerateOptions],
    ) -> str:
        """The answer's text, also where it was cut off (generate_detailed says so)."""
        return (await self.generate_detailed(prompt, max_tokens, temperature, **options)).text

    async def generate_detailed(
        self,
        prompt: str,
        max_tokens: int | None = None,
        temperature: float = 0.0,
        **options: Unpack[GenerateOptions],
    ) -> Answer:
        """The answer with its disclaimer, notices, warnings, usage and provenance."""
        call = self._generate_call(prompt, max_tokens, temperature, options, stream=False)
        return read_generate(await self._send(call))

    def stream(
        self,
        prompt: str,
        max_tokens: int | None = None,
        temperature: float = 0.0,
        **options: Unpack[GenerateOptions],
    ) -> AsyncAnswerStream:
        """An async context manager of typed events; leaving it cancels."""
        call = self._generate_call(prompt, max_tokens, temperature, options, stream=True)
        return AsyncAnswerStream(lambda: self._open(call))

    async def stream_generate(
        self,
        prompt: str,
        chunk_size: int = 64,
        max_tokens: int | None = None,
        temperature: float = 0.0,
        **options: Unpack[GenerateOptions],
    ) -> AsyncIterator[str]:
        """Pieces of the answer as they arrive; `chunk_size` means nothing, as in the sync client.

        To stop early for certain, use `stream`: Python closes a left async iterator only later.
        """
        async with self.stream(prompt, max_tokens, temperature, **options) as events:
            async for event in events:
                if isinstance(event, Delta):
                    yield event.text

    async def chat(
        self,
        messages: Sequence[Mapping[str, object]],
        max_tokens: int | None = None,
        temperature: float = 0.7,
        **options: Unpack[SamplingOptions],
    ) -> str:
        """The answer to a conversation of `{"role", "content"}` messages."""
        return (await self.chat_detailed(messages, max_tokens, temperature, **options)).text

    async def chat_detailed(
        self,
        messages: Sequence[Mapping[str, object]],
        max_tokens: int | None = None,
        temperature: float = 0.7,
        **options: Unpack[SamplingOptions],
    ) -> Answer:
        """The same with disclaimer, notices, warnings, usage and provenance."""

        async def ask(model: str) -> Answer:
            call = self._chat_call(messages, model, max_tokens, temperature, options)
            return read_chat(await self._send(call))

        known = self._model_id
        if known is None:
            return await ask(await self._served_model())
        try:
            return await ask(known)
        except NotFoundError:  # the server has been restarted with another model
            return await ask(await self._served_model())

    async def warm_up(self, timeout_seconds: float | None = None) -> None:
        """Wait until a question would be answered, as in the sync client."""
        import asyncio

        await self._http()
        patience = self._warm_up_patience(timeout_seconds)
        while True:
            try:
                await self._exchange(READY, patience, not_ready)
                return
            except MMHIEError as error:
                if not is_worth_waiting(error) or patience.left() <= LOOK_SECONDS:
                    raise
            await asyncio.sleep(LOOK_SECONDS)

    async def aclose(self) -> None:
        """Close this loop's idle connections and let go of the local server."""
        import asyncio

        opened = self._clients.pop(asyncio.get_running_loop(), None)
        if opened is not None:
            await opened[1].aclose()
        await asyncio.to_thread(self._release_local_server)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    def renew_after_fork(self) -> None:
        """New clients after a fork: two processes must not share a connection."""
        super().renew_after_fork()
        _fork.keep(dict(self._clients))
        self._clients = WeakKeyDictionary()

    async def _served_model(self) -> str:
        return self._choose_model(read_model_ids(await self._send(MODELS)))

    async def _send(self, call: Call) -> Reply:
        return await self._patiently(lambda patience: self._exchange(call, patience))

    async def _open(self, call: Call) -> "httpx2.Response":
        return await self._patiently(lambda _: self._open_once(call))

    async def _patiently(self, attempt: Callable[[Patience], Awaitable[T]]) -> T:
        """Call `attempt` until it succeeds or its error is one that is not retried."""
        import asyncio

        await self._http()  # a local server starts here, before the clock of the answer does
        patience = self._patience()
        while True:
            try:
                return await attempt(patience)
            except MMHIEError as error:
                pause = patience.pause_after(error)
                if pause is None:
                    raise
            await asyncio.sleep(pause)

    async def _exchange(
        self, call: Call, patience: Patience, refused: Callable[[Reply], MMHIEError] = refusal
    ) -> Reply:
        """One attempt at a whole answer, an error status included."""
        reply = await _within(patience.left(), self._reply(call, patience.left()))
        if reply.status != 200:
            raise refused(reply)
        return reply

    async def _reply(self, call: Call, seconds: float) -> Reply:
        client = await self._http()
        with translated():
            response = await client.send(build_request(client, call, seconds))
        return Reply(response.status_code, response.headers, response.content)

    async def _open_once(self, call: Call) -> "httpx2.Response":
        """One attempt at a stream; the caller owns the response. Raises for an error status."""
        client = await self._http()
        with translated():
            request = build_request(client, call, self._longest_wait())
            response = await client.send(request, stream=True)
            if response.status_code == 200:
                return response
            try:
                body = await response.aread()
            finally:
                await response.aclose()
        raise refusal(Reply(response.status_code, response.headers, body))

    async def _http(self) -> "httpx2.AsyncClient":
        """This event loop's client: connections cannot be used from another loop."""
        import asyncio

        is_local = self.config.backend == "local"
        address = await asyncio.to_thread(self._address) if is_local else self._address()
        loop = asyncio.get_running_loop()
        opened = self._clients.get(loop)
        if opened is not None and opened[0] != address:
            await opened[1].aclose()  # the local server has died and started at another port
            opened = None
        if opened is None:
            opened = (address, open_async_client(address, self.config.api_key))
            self._clients[loop] = opened
        return opened[1]


async def _within(seconds: float, answer: Awaitable[T]) -> T:
    """The answer, or ClientTimeoutError when it takes longer, however it trickles."""
    import asyncio

    try:
        async with asyncio.timeout(seconds):
            return await answer
    except MMHIEError:  # some are TimeoutErrors too, and say more
        raise
    except TimeoutError as error:
        raise ClientTimeoutError(TOO_SLOW) from error


_Clients = WeakKeyDictionary["asyncio.AbstractEventLoop", tuple[Address, "httpx2.AsyncClient"]]
