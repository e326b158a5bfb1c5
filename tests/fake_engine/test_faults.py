"""The fake engine's faults: those that no outcome shows, and the queue of those to come."""

import contextlib
import json
import math
import socket
import time
from collections.abc import Collection, Iterator
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.fake_engine.faults import Queue, entry_of
from tests.fake_engine.process import FakeEngine
from tests.gateway.server.wire import request
from tests.waiting import PATIENCE_S

CHAT = "/v1/chat/completions"
ASK = {"messages": [{"role": "user", "content": "Say hi."}], "max_tokens": 6, "temperature": 0}
FINISH, DONE, END = b'"finish_reason":"length"', b"data: [DONE]\n\n", b"0\r\n\r\n"

# Faults that leave the answer whole, and bytes that show each; of the others the outcome shows it
# (tests/faults/test_matrix.py).
HARMLESS: dict[str, dict[bytes, bool]] = {
    "slow_tokens": {FINISH: True, DONE: True, END: True},
    "split": {FINISH: True, DONE: True, END: True},
    "together": {FINISH: True, DONE: True, END: True},
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
def the_engine() -> Iterator[FakeEngine]:
    """One fake engine for all faults but the crash."""
    fake = FakeEngine("--token-delay", "0.001").wait()
    yield fake
    fake.stop()


@pytest.fixture
def engine(the_engine: FakeEngine) -> FakeEngine:
    """The fake engine, its memory wiped."""
    the_engine.reset()
    return the_engine


def raw(
    engine: FakeEngine, seconds: float = PATIENCE_S, awaited: Collection[bytes] = (), **more: Any
) -> bytes:
    """Return all that comes until it ends, or within some seconds after all that is awaited has
    come."""
    body = json.dumps({**ASK, **more}).encode()
    host = urlsplit(engine.url)
    received, patience = b"", PATIENCE_S if awaited else seconds
    with socket.create_connection((host.hostname, host.port or 80), timeout=patience) as plug:
        plug.sendall(request(CHAT, method="POST", body=body))
        deadline = math.inf
        with contextlib.suppress(TimeoutError, ConnectionResetError):
            while time.monotonic() < deadline and (part := plug.recv(65536)):
                received += part
                if deadline == math.inf and all(wanted in received for wanted in awaited):
                    deadline = time.monotonic() + seconds
                    plug.settimeout(seconds)
    return received


@pytest.mark.parametrize("fault", HARMLESS)
def test_a_harmless_fault(engine: FakeEngine, fault: str) -> None:
    """The bytes tell which fault it was; the next request is answered as ever."""
    slow = {"seconds": 0.01} if fault == "slow_tokens" else {}
    engine.next(fault=fault, **slow)
    there = [part for part, is_there in HARMLESS[fault].items() if is_there]
    received = raw(engine, 0.3, there, stream=True)

    for part, is_there in HARMLESS[fault].items():
        assert (part in received) is is_there, received[-300:]
    assert FINISH in raw(engine)


def test_a_stale_connection_closes_on_its_second_request(engine: FakeEngine) -> None:
    """The first request on a connection is answered, the fault waits."""
    engine.next(fault="stale")
    connection = HTTPConnection(urlsplit(engine.url).netloc, timeout=60)
    connection.request("POST", CHAT, json.dumps(ASK))
    assert connection.getresponse().read()
    assert connection.sock is not None
    connection.sock.sendall(request(CHAT, method="POST", body=b"{}"))

    assert connection.sock.recv(100) == b""
    connection.close()


@pytest.mark.parametrize("more", [{"stream_options": [5]}, {"n": 0}, {"n": -1}])
def test_what_vllm_refuses_is_refused_before_the_head(engine: FakeEngine, more: Any) -> None:
    """Fields of the wrong kind, as a fuzzer sends them: a 400, not a broken stream."""
    assert raw(engine, stream=True, **more).startswith(b"HTTP/1.1 400 ")


def test_faults_are_taken_in_order_and_as_often_as_asked() -> None:
    """Those for another path wait, those for ever stay."""
    queue = Queue()
    queue.add(entry_of({"fault": "html", "path": "/health", "times": -1}))
    queue.add(entry_of({"fault": "cut", "times": 2}))
    queue.add(entry_of([{"fault": "endless"}, {"fault": "split"}]))

    taken = [[fault.fault for fault in queue.take(CHAT, reused=False)] for _ in range(4)]
    assert taken == [["cut"], ["cut"], ["endless", "split"], []]
    assert [fault.fault for fault in queue.take("/health", reused=False)] == ["html"]
    assert [fault.fault for fault in queue.take("/health", reused=False)] == ["html"]


def test_an_unknown_fault_is_refused() -> None:
    """With the list of those there are."""
    with pytest.raises(ValueError, match="there are after_end, bad_header"):
        entry_of({"fault": "flood"})
