"""Every fault misbehaves as it says, and the engine lives on."""

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

from tests.fake_engine.faults import DELIVERIES, INSTEAD, NAMES, PLANS, Queue, entry_of
from tests.fake_engine.process import FakeEngine
from tests.fake_engine.wires import WIRES
from tests.gateway.server.wire import request
from tests.waiting import PATIENCE_S

CHAT = "/v1/chat/completions"
ASK = {"messages": [{"role": "user", "content": "Say hi."}], "max_tokens": 6, "temperature": 0}
FINISH, DONE, END = b'"finish_reason":"length"', b"data: [DONE]\n\n", b"0\r\n\r\n"

# fault -> what the raw stream holds (True) and does not hold (False)
STREAMS: dict[str, dict[bytes, bool]] = {
    "slow_tokens": {FINISH: True, DONE: True, END: True},
    "cut": {FINISH: False, DONE: False, END: False},
    "reset_midstream": {FINISH: False, DONE: False, END: False},
    "hang_midstream": {FINISH: False, DONE: False, END: False},
    "error_midstream": {b'"type": "InternalServerError"': True, DONE: True, END: True},
    "clean_cut": {FINISH: False, DONE: False, END: True},
    "chunk_garbage": {b"\r\nzz\r\n": True, END: False},
    "no_done": {FINISH: True, DONE: False, END: True},
    "wrong_length": {b"\r\n400\r\ndata: {": True, END: False},
    "split": {FINISH: True, DONE: True, END: True},
    "together": {FINISH: True, DONE: True, END: True},
    "hang_after_headers": {b"200 OK": True, b"data:": False},
    "hang_before_headers": {b"HTTP": False},
    "slow_first_token": {b"200 OK": True, b"data:": False},
    "endless": {b"data: {": True, FINISH: False},
    "harmony": {b"<|channel|>": True, DONE: True},
    "null_content": {b'"delta":{}': True, DONE: True},
    "reasoning": {b'"delta":{"reasoning":"The"}': True, DONE: True},
    "reasoning_only": {b'"delta":{"reasoning":"."}': True, FINISH: True},
    "tool_call": {b'"tool_calls":[{"id":"call_': True, b'"finish_reason":"tool_calls"': True},
    "say": {b'"content":"ok"': True, DONE: True},
    "status": {b"500 Internal Server Error": True},
    "html": {b"text/html": True},
    "empty": {b"content-length: 0": True},
    "wrong_json": {b'"mess': True},
    "raw": {b"HTTP": False},
    "early_hints": {b"103 Early Hints": True, DONE: True},
    "hints_for_ever": {b"102 Processing\r\n\r\nHTTP/1.1 102": True, b"200 OK": False},
    "switching": {b"101 Switching": True, b"200 OK": False},
    "huge_header": {b"x" * 100 * 1024: True, DONE: True},
    "head_for_ever": {b"200 OK\r\nxxx": True, b"\r\n\r\n": False},
    "bad_header": {b"x-odd: a\0b": True, DONE: True},
    "long_length": {b"content-length": True, DONE: True},
    "long_length_hang": {b"data: {": True, DONE: False},
    "short_length": {b"content-length": True, DONE: True},
    "both_framings": {b"content-length: 5\r\ntransfer-encoding": True, END: True},
    "no_framing": {b"-length": False, b"-encoding": False, DONE: True},
    "no_framing_cut": {b"-length": False, b"data: {": True, DONE: False},
    "extensions": {b";name=value": True, b"x-trailer: y": True, DONE: True},
    "after_end": {DONE + b"HTTP/1.1 200 OK": True},
    "trickle": {b"data: {": True, b"1\r\nd\r\n1\r\nd": True, END: False},
    "comments": {b": ping": True, b"data:": False, END: False},
    "giant": {b"xxxx": True, b"\n\n": False},
    "compressed": {b"content-encoding: gzip": True, b"data:": False},
    "wrong_kind": {b"application/json": True, b"data:": False},
    "half_event": {b"data: {": True, b"0\r\n\r\n": False},
    "half_letter": {b'"content":"\xc3\r\n': True, END: False},
    "bad_letter": {b'"content":"\xff': True, DONE: True},
    "bad_json": {b'"choices":[{]': True, DONE: True},
    "no_object": {b"data: [1, 2]\n\n": True, DONE: True},
    "null_choices": {b'"choices":null': True, b'"choices":[': False, DONE: True},
    "odd_choices": {b'"choices":["x"]': True, DONE: True},
    "odd_content": {b'"content":7': True, DONE: True},
    "error_first": {b'data: {"error"': True, b'"choices"': False, DONE: True},
    "done_early": {FINISH: False, DONE: True},
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


@pytest.mark.parametrize("fault", STREAMS)
def test_a_fault_of_a_stream(engine: FakeEngine, fault: str) -> None:
    """The bytes tell which fault it was; the next request is answered as ever."""
    slow = {"seconds": 0.01} if fault == "slow_tokens" else {}
    engine.next(fault=fault, **slow)
    there = [part for part, is_there in STREAMS[fault].items() if is_there]
    received = raw(engine, 0.3, there, stream=True)

    for part, is_there in STREAMS[fault].items():
        assert (part in received) is is_there, received[-300:]
    assert FINISH in raw(engine)


def test_every_fault_is_tried() -> None:
    """The table above, and those that have tests of their own."""
    assert set(STREAMS) | {"stale", "gated", "crash", "crash_midstream"} == NAMES
    assert frozenset(DELIVERIES) | frozenset(PLANS) | frozenset(WIRES) | INSTEAD == NAMES


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


@pytest.mark.parametrize(("fault", "said"), [("crash", False), ("crash_midstream", True)])
def test_a_crash_ends_the_process(fault: str, said: bool) -> None:
    """Without a word, or in the middle of one."""
    engine = FakeEngine().wait()
    engine.next(fault=fault)

    received = raw(engine, stream=True)
    assert (b"data: {" in received) is said
    assert DONE not in received
    assert engine.child.wait(timeout=60) == 1
    engine.stop()


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


def test_a_client_that_leaves_is_an_abort(engine: FakeEngine) -> None:
    """Counted apart from what finished."""
    engine.next(fault="hang_midstream")
    raw(engine, 0.3, [b"data:"], stream=True)
    raw(engine)

    engine.until(lambda stats: stats["aborted"] == 1 and stats["finished"] == 1)
    assert engine.stats["running"] == 0
