"""Servers and clients for the tests of the sdk, closed after each."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import Any, Protocol, Self, TypeVar

import pytest
from mmhie import (
    Answer,
    AsyncMedicalReasoningLLM,
    Event,
    FeedbackReceipt,
    LLMConfig,
    MedicalReasoningLLM,
)

from tests.sdk.scripted_server import Script, ScriptedServer
from tests.waiting import PATIENCE_S

T = TypeVar("T")
Messages = Sequence[Mapping[str, object]]


class Client(Protocol):
    """Common interface of both clients, so that one test covers both."""

    def generate(self, prompt: str, *args: Any, **options: Any) -> str: ...
    def generate_detailed(self, prompt: str, *args: Any, **options: Any) -> Answer: ...
    def chat(self, messages: Messages, *args: Any, **options: Any) -> str: ...
    def chat_detailed(self, messages: Messages, *args: Any, **options: Any) -> Answer: ...
    def stream_generate(self, prompt: str, *args: Any, **options: Any) -> Iterator[str]: ...
    def events(self, prompt: str, **options: Any) -> Iterator[Event]: ...
    def feedback(self, request_id: str, *args: Any, **texts: Any) -> FeedbackReceipt: ...
    def embed(self, text: object) -> object: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, *error: Any) -> None: ...


class SyncClient(MedicalReasoningLLM):
    """The sync client, with its stream as an iterator that ends the stream when closed."""

    def events(self, prompt: str, **options: Any) -> Iterator[Event]:
        with self.stream(prompt, **options) as events:
            yield from events


class AsyncClient:
    """The async client, called from a test that is not async."""

    def __init__(self, config: LLMConfig, **limits: Any) -> None:
        self.runner = asyncio.Runner()
        self.llm = AsyncMedicalReasoningLLM(config, **limits)

    def generate(self, prompt: str, *args: Any, **options: Any) -> str:
        return self._run(self.llm.generate(prompt, *args, **options))

    def generate_detailed(self, prompt: str, *args: Any, **options: Any) -> Answer:
        return self._run(self.llm.generate_detailed(prompt, *args, **options))

    def chat(self, messages: Messages, *args: Any, **options: Any) -> str:
        return self._run(self.llm.chat(messages, *args, **options))

    def chat_detailed(self, messages: Messages, *args: Any, **options: Any) -> Answer:
        return self._run(self.llm.chat_detailed(messages, *args, **options))

    def stream_generate(self, prompt: str, *args: Any, **options: Any) -> Iterator[str]:
        texts = self.llm.stream_generate(prompt, *args, **options)
        while (text := self._run(_next(texts))) is not None:
            yield text

    def events(self, prompt: str, **options: Any) -> Iterator[Event]:
        stream = self.llm.stream(prompt, **options)
        self._run(stream.__aenter__())
        try:
            while (event := self._run(_next(stream))) is not None:
                yield event
        finally:
            self._run(stream.aclose())

    def feedback(self, request_id: str, *args: Any, **texts: Any) -> FeedbackReceipt:
        return self._run(self.llm.feedback(request_id, *args, **texts))

    def embed(self, text: object) -> object:
        self.llm.embed(text)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: Any) -> None:
        self._run(self.llm.aclose())
        self.runner.close()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)


async def _next(items: Any) -> Any:
    return await anext(items, None)


Serve = Callable[..., ScriptedServer]
Connect = Callable[..., Client]


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    """Whatever a test opens, closed in reverse order."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def serve(opened: ExitStack) -> Serve:
    """Start a server that plays these scripts."""

    def start(*scripts: Script, socket_path: str | None = None, **options: Any) -> ScriptedServer:
        server = ScriptedServer(scripts, **options)
        return opened.enter_context(server.running(socket_path))

    return start


@pytest.fixture(params=[SyncClient, AsyncClient])
def connect(request: pytest.FixtureRequest, opened: ExitStack) -> Connect:
    """A client, sync and async in turn, with the limits and configuration fields given."""

    def make(
        url: str, *, max_retries: int = 2, timeout_seconds: float = PATIENCE_S, **fields: Any
    ) -> Client:
        config = LLMConfig(url=url, timeout_seconds=timeout_seconds, **fields)
        client: Client = request.param(config, max_retries=max_retries)
        return opened.enter_context(client)

    return make
