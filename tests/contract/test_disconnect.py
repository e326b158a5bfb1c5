"""The client leaving aborts the engine's work: in mid-stream, before a byte, and while waiting."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.contract.process import Gateway
from tests.contract.surfaces import CHAT_SSE, STREAMS, WHOLES, Surface, name_of
from tests.fake_engine.process import FakeEngine
from tests.gateway.server.wire import dialled, request


@contextmanager
def asked(gateway: Gateway, surface: Surface, **more: Any) -> Iterator[socket.socket]:
    """A request on a bare socket, closed at the end of the block."""
    lines = [f"{name}: {value}" for name, value in surface.headers.items()]
    body = json.dumps(surface.body(**more)).encode()
    with dialled(gateway) as plug:
        plug.sendall(request(surface.path, *lines, method="POST", body=body, close=False))
        yield plug


def aborted(engine: FakeEngine) -> None:
    """Wait until the engine has noticed, and has nothing left to do."""
    engine.until(lambda stats: stats["aborted"] == 1 and stats["running"] == 0)


@pytest.mark.parametrize("surface", STREAMS, ids=name_of)
def test_leaving_in_mid_stream(gateway: Gateway, engine: FakeEngine, surface: Surface) -> None:
    """Tokens are no longer generated for nobody."""
    engine.next({"fault": "endless"}, {"fault": "slow_tokens", "seconds": 0.01})
    with asked(gateway, surface) as plug:
        received = b""
        while received.count(b"\n") < 20 and len(received) < 2000:
            received += plug.recv(65536)

    aborted(engine)


HANGS = ({"fault": "hang_before_headers"},), ({"fault": "hang_after_headers"},)
WORKING = ({"fault": "endless"}, {"fault": "slow_tokens", "seconds": 0.05})
Faults = tuple[dict[str, Any], ...]
WAITING: tuple[tuple[Surface, Faults, dict[str, str]], ...] = (
    *((surface, fault, {}) for surface in STREAMS for fault in HANGS),
    *((surface, WORKING, {}) for surface in WHOLES),
    (CHAT_SSE, HANGS[0], {"user": "x" * 300_000}),  # its body paused the reading
)


@pytest.mark.parametrize(("surface", "faults", "more"), WAITING)
def test_leaving_before_the_first_byte(
    gateway: Gateway, engine: FakeEngine, surface: Surface, faults: Faults, more: dict[str, str]
) -> None:
    """While the prompt is read, or a whole answer written; also after a large request."""
    engine.next(*faults)
    with asked(gateway, surface, **more):
        engine.until(lambda stats: stats["running"] == 1)
        time.sleep(0.05)

    aborted(engine)
