"""Real stacks shared by the whole run: the embedded model's, and a gpt-oss-shaped model's."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gateway.tracing.collector import Collector
from tests.models import harmony
from tests.real.serving import Served, serving
from tests.real.stack import Stack, start

HERE = Path(__file__).parent
# Without a parser vLLM refuses every tool_choice but none.
EMBEDDED_TOOLS = "--enable-auto-tool-choice --tool-call-parser hermes"
GPT_OSS_TOOLS = "--enable-auto-tool-choice --tool-call-parser openai"
REASONING_BUDGET = 40  # enough for all thoughts


@pytest.fixture(scope="session")
def collector() -> Iterator[Collector]:
    """Address to which the stack's traces go."""
    running = Collector()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory, collector: Collector) -> Iterator[Stack]:
    """Started once, on the first test that asks; the tests that end it come last."""
    running = start(
        tmp_path_factory.mktemp("stack"),
        MMHIE_ENGINE_ARGS=EMBEDDED_TOOLS,
        MMHIE_TRACES_ENDPOINT=collector.endpoint,
    )
    try:
        running.until("ready")
        running.ready_s = time.monotonic() - running.started
        yield running
    finally:
        if running.process.poll() is None:
            running.stop()


@pytest.fixture(scope="session")
def gpt_oss(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The gpt-oss-shaped model, with a reasoning budget."""
    with serving(
        tmp_path_factory.mktemp("gpt-oss"),
        harmony.model(),
        MMHIE_MAX_REASONING_TOKENS=str(REASONING_BUDGET),
        MMHIE_ENGINE_ARGS=GPT_OSS_TOOLS,
        **harmony.ENVIRONMENT,
    ) as running:
        yield running


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let tests of one engine share a process, so that two engines can work side by side."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.xdist_group(engine_of(item)))


def engine_of(item: pytest.Item) -> str:
    """Name the shared stack of a test, or its module, which has an engine of its own."""
    shared = {"stack", "gpt_oss"} & set(getattr(item, "fixturenames", ()))
    return shared.pop() if shared else item.path.stem
