"""A hasty gateway in front of the fake engine, and the npm client."""

from collections.abc import Iterator

import pytest

from requirements import programs
from tests.clients import node
from tests.contract.process import Gateway
from tests.fake_engine.process import FakeEngine


@pytest.fixture(scope="package")
def the_gateway(
    the_engine: FakeEngine, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    """The gateway the clients talk to."""
    folder = tmp_path_factory.mktemp("gateway")
    with Gateway(folder, the_engine.url, MMHIE_TIMEOUT_SECONDS="2").wait() as gateway:
        yield gateway


@pytest.fixture(scope="session")
def npm() -> None:
    """Install the npm client."""
    if lacking := programs.reason("node", "npm"):
        pytest.skip(lacking)
    node.install()
