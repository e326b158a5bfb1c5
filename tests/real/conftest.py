"""Real stacks shared by the whole run: of the embedded model and of those that are made up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache

import httpx2
import pytest

from tests.contract.process import Gateway
from tests.gateway.observability.collector import Collector
from tests.models import harmony
from tests.real.breakable import Breakable, breaking
from tests.real.serving import Served, serving
from tests.real.stack import Stack, running

# Without a parser vLLM refuses every tool_choice but none.
EMBEDDED_TOOLS = "--enable-auto-tool-choice --tool-call-parser hermes"
GPT_OSS_TOOLS = "--enable-auto-tool-choice --tool-call-parser openai"
REASONING_BUDGET = 40  # enough for all thoughts

Begin = Callable[..., Gateway]


@pytest.fixture(scope="session")
def collector() -> Iterator[Collector]:
    """Address to which the stack's traces go."""
    collector = Collector()
    yield collector
    collector.stop()


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory, collector: Collector) -> Iterator[Stack]:
    """Started once, on the first test that asks; the tests that end it come last."""
    with running(
        tmp_path_factory.mktemp("stack"),
        MMHIE_ENGINE_ARGS=EMBEDDED_TOOLS,
        MMHIE_TRACES_ENDPOINT=collector.endpoint,
    ) as stack:
        yield stack


@pytest.fixture(scope="module")
def client(stack: Stack) -> Iterator[httpx2.Client]:
    """A client of the gateway."""
    with stack.client() as opened:
        yield opened


@pytest.fixture(scope="module")
def direct(stack: Stack) -> Iterator[httpx2.Client]:
    """A client of the engine itself, past the gateway."""
    with stack.direct() as opened:
        yield opened


@pytest.fixture(scope="module")
def model(stack: Stack) -> str:
    """The served model's public id."""
    return stack.model


@pytest.fixture(scope="module")
def begin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Begin]:
    """Return one more gateway before a running engine: `begin(stack, MMHIE_X="...")`."""
    with ExitStack() as gateways:

        @cache
        def start_gateway(stack: Stack, **settings: str) -> Gateway:
            folder, url = tmp_path_factory.mktemp("gateway"), f"unix:{stack.engine_socket}"
            key = {"MMHIE_ENGINE_API_KEY": stack.engine_key}
            return gateways.enter_context(Gateway(folder, url, **key, **settings)).wait()

        yield start_gateway


def phase_file(stack: Stack) -> dict[str, str]:
    """The setting by which the launcher tells its gateway what the engine is."""
    return {"MMHIE_PHASE_FILE": stack.gateway_environ["MMHIE_PHASE_FILE"]}


@pytest.fixture(scope="session")
def gpt_oss(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The gpt-oss-shaped model, with a reasoning budget."""
    with serving(
        tmp_path_factory.mktemp("gpt-oss"),
        harmony.model(),
        MMHIE_MAX_REASONING_TOKENS=str(REASONING_BUDGET),
        MMHIE_ENGINE_ARGS=GPT_OSS_TOOLS,
        **harmony.ENVIRONMENT,
    ) as served:
        yield served


@pytest.fixture(scope="session")
def breakable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Breakable]:
    """The model without a chat template; the tests that break it come last."""
    with breaking(tmp_path_factory.mktemp("breakable")) as breakable:
        yield breakable
