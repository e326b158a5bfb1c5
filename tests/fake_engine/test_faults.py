"""The fake engine's faults: those that no outcome shows, and the queue of those to come."""

import json
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.fake_engine.faults import Queue, entry_of
from tests.fake_engine.process import FakeEngine
from tests.gateway.server.wire import request, rest

CHAT = "/v1/chat/completions"
ASK = {"messages": [{"role": "user", "content": "Say hi."}], "max_tokens": 6, "temperature": 0}
FINISH, DONE = b'"finish_reason":"length"', b"data: [DONE]\n\n"
# Faults that leave the answer whole, and bytes that show each; of the others the outcome shows it
# (tests/faults/test_matrix.py).
HARMLESS: dict[str, dict[bytes, bool]] = {
    "early_hints": {b"103 Early Hints": True, DONE: True},
    "long_length": {b"content-length": True, DONE: True},
    "no_framing": {b"-length": False, b"-encoding": False, DONE: True},
    "extensions": {b";name=value": True, b"x-trailer: y": True, DONE: True},
    "after_end": {DONE + b"HTTP/1.1 200 OK": True},
    "returns": {b"}\r\n\r\ndata: {": True, b"}\n\n": False},
    "no_usage": {b'"usage":{': False, DONE: True},
    "reset": {b"HTTP": False},
}


@pytest.fixture(scope="module")
def engine() -> Iterator[FakeEngine]:
    """One fake engine for all faults."""
    with FakeEngine().wait() as fake:
        yield fake


def raw(engine: FakeEngine, **more: Any) -> bytes:
    """Return all that comes on a connection until it ends."""
    host = urlsplit(engine.url)
    with socket.create_connection((host.hostname, host.port or 80), timeout=60) as plug:
        plug.sendall(request(CHAT, method="POST", body=json.dumps({**ASK, **more}).encode()))
        return rest(plug)


@pytest.mark.parametrize("fault", HARMLESS)
def test_a_harmless_fault(engine: FakeEngine, fault: str) -> None:
    """The bytes tell which fault it was; the next request is answered as ever."""
    engine.next(fault=fault)
    received = raw(engine, stream=True)

    for part, is_there in HARMLESS[fault].items():
        assert (part in received) is is_there, received[-300:]
    assert FINISH in raw(engine)


def test_faults_are_taken_in_order_and_as_often_as_asked() -> None:
    """Those for another path wait, those for ever stay; an unknown one is refused with a list."""
    queue = Queue()
    queue.add(entry_of({"fault": "html", "path": "/health", "times": -1}))
    queue.add(entry_of({"fault": "cut", "times": 2}))
    queue.add(entry_of([{"fault": "endless"}, {"fault": "split"}]))

    taken = [[fault.fault for fault in queue.take(CHAT, reused=False)] for _ in range(4)]
    assert taken == [["cut"], ["cut"], ["endless", "split"], []]
    for _ in range(2):
        assert [fault.fault for fault in queue.take("/health", reused=False)] == ["html"]
    with pytest.raises(ValueError, match="there are after_end, bad_header"):
        entry_of({"fault": "flood"})
