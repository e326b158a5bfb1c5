"""A hasty gateway in front of the fake engine, and the npm clients."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache

import pytest

from requirements import programs
from tests.clients import node
from tests.compatibility.driven import Driven
from tests.contract.process import Gateway
from tests.fake_engine.process import FakeEngine

Npm = Callable[[str], Driven]


@pytest.fixture(scope="package")
def the_gateway(
    the_engine: FakeEngine, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    """The gateway the clients talk to."""
    folder = tmp_path_factory.mktemp("gateway")
    with Gateway(folder, the_engine.url, MMHIE_TIMEOUT_SECONDS="2").wait() as gateway:
        yield gateway


@pytest.fixture(scope="package")
def npm(the_gateway: Gateway) -> Iterator[Npm]:
    """Return the driver of an npm client by its name, installed and started at the first use."""
    if lacking := programs.reason("node", "npm"):
        pytest.skip(lacking)
    node.install()
    with ExitStack() as running:

        @cache
        def started(client: str) -> Driven:
            command = ["node", str(node.DRIVERS / f"{client}_npm.mjs")]
            driver = Driven(command, the_gateway.url, "fake-model")
            running.callback(driver.stop)
            return driver

        yield started
