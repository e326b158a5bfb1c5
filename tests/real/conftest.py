"""Real stacks shared by the whole run: the embedded model's, and a gpt-oss-shaped model's."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.gateway.observability.collector import Collector
from tests.models import harmony
from tests.real.serving import Served, serving
from tests.real.stack import Stack, start

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
