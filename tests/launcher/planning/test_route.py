"""This machine's address as another sees it."""

from __future__ import annotations

import socket

import psutil
import pytest

from launcher.planning.hardware import Route, route_to


def test_this_machine_reaches_itself_by_loopback() -> None:
    """The address and the interface that has it."""
    found = route_to("127.0.0.1")

    assert found is not None
    assert found.address == "127.0.0.1"
    held = psutil.net_if_addrs()[found.interface]
    assert "127.0.0.1" in {one.address for one in held}


def test_node_0_finds_its_own_interface() -> None:
    """Its own address is the head's address, and does not lead to loopback."""
    own = [
        Route(one.address, name)
        for name, held in psutil.net_if_addrs().items()
        for one in held
        if one.family == socket.AF_INET and not one.address.startswith("127.")
    ]
    if not own:
        pytest.skip("this machine has no network")

    assert route_to(own[0].address) == own[0]


@pytest.mark.parametrize("host", ["no-such-host.invalid", "", "a..b"])
def test_no_way(host: str) -> None:
    """vLLM is left to find out for itself."""
    assert route_to(host) is None
