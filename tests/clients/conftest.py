"""A hasty gateway in front of the fake engine, and clients that their drivers speak for."""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache

import pytest

from requirements import programs
from tests.clients import node
from tests.compatibility.driven import Driven
from tests.contract.fixtures import Shared
from tests.contract.process import Gateway

Drivers = Callable[[str], Driven]


@pytest.fixture(scope="package")
def the_gateway(the_gateways: Shared) -> Gateway:
    """The gateway the clients talk to."""
    return the_gateways(MMHIE_TIMEOUT_SECONDS="2")


@pytest.fixture(scope="package")
def drivers(the_gateway: Gateway) -> Iterator[Drivers]:
    """Return the driver of a client by its name, started at the first use."""
    with ExitStack() as running:

        @cache
        def started(client: str) -> Driven:
            name, _, is_npm = client.partition(" ")
            command = npm(name) if is_npm else [sys.executable, f"{node.DRIVERS}/{name}_python.py"]
            driver = Driven(command, the_gateway.url, "fake-model")
            running.callback(driver.stop)
            return driver

        yield started


def npm(name: str) -> list[str]:
    """The command of the driver of an npm client, which is installed where it is missing."""
    if lacking := programs.reason("node", "npm"):
        pytest.skip(lacking)
    node.install()
    return ["node", f"{node.DRIVERS}/{name}_npm.mjs"]
