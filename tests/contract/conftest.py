"""One fake engine and one gateway for all tests; a fresh gateway for those that ask."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.contract.process import Gateway
from tests.fake_engine.process import FakeEngine

Start = Callable[..., Gateway]
StartEngine = Callable[..., FakeEngine]


@pytest.fixture(scope="session")
def the_engine() -> Iterator[FakeEngine]:
    """The fake engine behind the shared gateway."""
    engine = FakeEngine("--created", "1795566865").wait()
    yield engine
    engine.stop()


@pytest.fixture(scope="session")
def the_gateway(
    the_engine: FakeEngine, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    """The shared gateway, with ordinary settings."""
    folder = tmp_path_factory.mktemp("gateway")
    gateway = Gateway(folder, the_engine.url, MMHIE_MAX_INPUT_LENGTH="200").wait()
    yield gateway
    gateway.stop()


@pytest.fixture(scope="session")
def the_hasty_gateway(
    the_engine: FakeEngine, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    """A gateway in front of the same engine that waits 0.3 seconds, no longer."""
    folder = tmp_path_factory.mktemp("hasty")
    gateway = Gateway(folder, the_engine.url, MMHIE_TIMEOUT_SECONDS="0.3").wait()
    yield gateway
    gateway.stop()


@pytest.fixture
def engine(the_engine: FakeEngine) -> FakeEngine:
    """The fake engine, its memory wiped."""
    the_engine.reset()
    return the_engine


@pytest.fixture
def gateway(the_gateway: Gateway, engine: FakeEngine) -> Gateway:
    """The shared gateway in front of a wiped engine."""
    return the_gateway


@pytest.fixture
def hasty(the_hasty_gateway: Gateway, engine: FakeEngine) -> Gateway:
    """The hasty gateway in front of a wiped engine."""
    return the_hasty_gateway


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a gateway of one's own: `start(engine_url, MMHIE_X="...")`, stopped at the end."""
    with ExitStack() as stack:

        def begin(engine_url: str, **settings: str) -> Gateway:
            gateway = Gateway(tmp_path, engine_url, **settings)
            stack.callback(gateway.stop)
            return gateway

        yield begin


@pytest.fixture
def start_engine() -> Iterator[StartEngine]:
    """Start a fake engine of one's own with command line options, stopped at the end."""
    with ExitStack() as stack:

        def begin(*arguments: str) -> FakeEngine:
            engine = FakeEngine(*arguments).wait()
            stack.callback(engine.stop)
            return engine

        yield begin
