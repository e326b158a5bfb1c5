"""A gateway in front of the fake engine, for clients."""

from collections.abc import Iterator

import pytest

from tests.clients import node
from tests.contract.process import Gateway
from tests.fake_engine.process import FakeEngine


@pytest.fixture(scope="package")
def the_engine() -> Iterator[FakeEngine]:
    """The engine behind the gateway."""
    engine = FakeEngine().wait()
    yield engine
    engine.stop()


@pytest.fixture(scope="package")
def the_gateway(
    the_engine: FakeEngine, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    """The gateway the clients talk to."""
    folder = tmp_path_factory.mktemp("gateway")
    gateway = Gateway(folder, the_engine.url, MMHIE_TIMEOUT_SECONDS="0.5").wait()
    yield gateway
    gateway.stop()


@pytest.fixture
def engine(the_engine: FakeEngine) -> FakeEngine:
    """The engine, its memory wiped."""
    the_engine.reset()
    return the_engine


@pytest.fixture
def gateway(the_gateway: Gateway, engine: FakeEngine) -> Gateway:
    """The gateway in front of a wiped engine."""
    return the_gateway


@pytest.fixture(scope="session")
def npm() -> None:
    """The npm client is installed."""
    if not node.is_here():
        pytest.skip("node and npm are not installed")
    node.install()
