"""Servers and clients for the tests of the sdk, closed after each."""

import asyncio
import inspect
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, Self

import pytest
from mmhie import AsyncMedicalReasoningLLM, Event, LLMConfig, MedicalReasoningLLM

from tests.sdk.scripted_server import Script, ScriptedServer
from tests.waiting import PATIENCE_S

Serve = Callable[..., ScriptedServer]
Connect = Callable[..., Any]  # a client, of either kind


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

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """Return a method of the client that waits for what it gives."""

        def call(*args: Any, **options: Any) -> Any:
            given = getattr(self.llm, name)(*args, **options)
            return self.runner.run(given) if inspect.iscoroutine(given) else given

        return call

    def stream_generate(self, prompt: str, *args: Any, **options: Any) -> Iterator[str]:
        pieces = self.llm.stream_generate(prompt, *args, **options)
        try:
            yield from self._items(pieces)
        finally:
            self.runner.run(pieces.aclose())

    def events(self, prompt: str, **options: Any) -> Iterator[Event]:
        stream = self.llm.stream(prompt, **options)
        events = self.runner.run(stream.__aenter__())
        try:
            yield from self._items(aiter(events))
        finally:
            self.runner.run(stream.__aexit__(None, None, None))

    def _items(self, items: Any) -> Iterator[Any]:
        async def following() -> Any:
            return await anext(items, None)

        while (item := self.runner.run(following())) is not None:
            yield item

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.runner.run(self.llm.aclose())
        self.runner.close()


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    """Whatever a test opens, closed in reverse order."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def serve(opened: ExitStack) -> Serve:
    """Start a server that plays these scripts."""

    def start(*scripts: Script, socket_path: str | None = None) -> ScriptedServer:
        return opened.enter_context(ScriptedServer(scripts).running(socket_path))

    return start


def connecting(kind: Callable[..., Any], opened: ExitStack) -> Connect:
    """Make clients of a kind with the limits and configuration fields given."""

    def make(
        url: str, *, max_retries: int = 2, timeout_seconds: float = PATIENCE_S, **fields: Any
    ) -> Any:
        config = LLMConfig(url=url, timeout_seconds=timeout_seconds, **fields)
        return opened.enter_context(kind(config, max_retries=max_retries))

    return make


@pytest.fixture
def connect(opened: ExitStack) -> Connect:
    """The sync client, which is generated from the async one."""
    return connecting(SyncClient, opened)


@pytest.fixture(params=[SyncClient, AsyncClient])
def connect_both(request: pytest.FixtureRequest, opened: ExitStack) -> Connect:
    """The sync and the async client in turn, for what their own input and output decides."""
    return connecting(request.param, opened)
