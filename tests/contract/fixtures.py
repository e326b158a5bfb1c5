"""Fixtures of all tests: one fake engine, gateways in front of it, and fresh ones on demand."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.contract.process import Gateway
from tests.fake_engine.process import FakeEngine

Start = Callable[..., Gateway]
StartEngine = Callable[..., FakeEngine]
Folders = pytest.TempPathFactory


@pytest.fixture(scope="session")
def the_engine() -> Iterator[FakeEngine]:
    """The fake engine behind the shared gateways."""
    with FakeEngine("--created", "1795566865").wait() as engine:
        yield engine


@pytest.fixture(scope="session")
def the_gateway(the_engine: FakeEngine, tmp_path_factory: Folders) -> Iterator[Gateway]:
    """The shared gateway, with ordinary settings."""
    folder = tmp_path_factory.mktemp("gateway")
    with Gateway(folder, the_engine.url, MMHIE_MAX_INPUT_LENGTH="200").wait() as gateway:
        yield gateway


@pytest.fixture(scope="session")
def the_hasty_gateway(the_engine: FakeEngine, tmp_path_factory: Folders) -> Iterator[Gateway]:
    """A gateway in front of the same engine with a timeout of 0.3 seconds."""
    folder = tmp_path_factory.mktemp("hasty")
    with Gateway(folder, the_engine.url, MMHIE_TIMEOUT_SECONDS="0.3").wait() as gateway:
        yield gateway


@pytest.fixture
def engine(the_engine: FakeEngine) -> FakeEngine:
    """The fake engine, reset."""
    the_engine.reset()
    return the_engine


@pytest.fixture
def gateway(the_gateway: Gateway, engine: FakeEngine) -> Gateway:
    """The shared gateway in front of the reset engine."""
    return the_gateway


@pytest.fixture
def hasty(the_hasty_gateway: Gateway, engine: FakeEngine) -> Gateway:
    """The hasty gateway in front of the reset engine."""
    return the_hasty_gateway


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a gateway of the test's own: `start(engine_url, MMHIE_X="...")`, stopped at the end."""
    with ExitStack() as stack:
        yield lambda engine_url, **settings: stack.enter_context(
            Gateway(tmp_path, engine_url, **settings)
        )


@pytest.fixture
def start_engine() -> Iterator[StartEngine]:
    """Start a fake engine of the test's own with command line options, stopped at the end."""
    with ExitStack() as stack:
        yield lambda *arguments: stack.enter_context(FakeEngine(*arguments).wait())
