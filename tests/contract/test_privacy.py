"""A marker in the patient's text, sent through every outcome, is found nowhere it must not be."""

import json
import socket

from tests.contract.conftest import Start
from tests.contract.doors import DOORS, STREAMS, Door
from tests.contract.process import Gateway
from tests.fake_engine.process import FakeEngine

CANARY = "zebrafish7731"
ECHO = json.dumps({"error": {"message": f"You said {CANARY}", "type": "x", "code": 400}})
FAULTS = (
    "reset_midstream",
    "cut",
    "clean_cut",
    "error_midstream",
    "chunk_garbage",
    "html",
    "empty",
    "wrong_json",
    "null_content",
    "reasoning_only",
    "harmony",
    "hang_before_headers",
    "hang_midstream",
)


def everything(gateway: Gateway, engine: FakeEngine, door: Door) -> None:
    """Success, refusal, every fault and a client that leaves, the marker in each."""
    door.ask(gateway.client, CANARY)
    door.ask(gateway.client, f"{CANARY} " * 5000)
    door.ask(gateway.client, CANARY, temperature=CANARY)
    door.ask(gateway.client, CANARY, temperature=-1)
    door.ask(gateway.client, CANARY, model=CANARY)
    gateway.client.post(door.path, content=b'{"prompt": "' + CANARY.encode())
    gateway.client.post(f"/{CANARY}?q={CANARY}", content=CANARY.encode())
    for status in (400, 500, 503):
        engine.next(fault="status", status=status, body=ECHO)
        door.ask(gateway.client, CANARY)
    for fault in FAULTS:
        engine.next(fault=fault)
        door.ask(gateway.client, CANARY)
    engine.next(fault="say", tokens=[CANARY])
    door.ask(gateway.client, CANARY)
    engine.reset()


def leave(gateway: Gateway, door: Door) -> None:
    """A client that hangs up, the marker in its path and body."""
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=5) as plug:
        head = f"POST {door.path} HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{CANARY}"
        plug.sendall(head.encode())


def test_the_marker_is_in_no_log_and_no_metric(start: Start, engine: FakeEngine) -> None:
    """At the most talkative level."""
    gateway = start(engine.url, MMHIE_LOG_LEVEL="debug", MMHIE_TIMEOUT_SECONDS="0.2").wait()
    for door in DOORS:
        everything(gateway, engine, door)
        leave(gateway, door)
    page = gateway.client.get("/metrics").text
    health = gateway.client.get("/healthz").text
    gateway.stop()

    assert gateway.log, "nothing was logged, so nothing was proven"
    assert CANARY not in gateway.log.lower()
    assert CANARY not in page.lower()
    assert CANARY not in health.lower()
    assert "Traceback" not in gateway.log


def test_an_answer_that_repeats_it_is_not_logged_either(start: Start, engine: FakeEngine) -> None:
    """Model output is patient data as much as the question is."""
    gateway = start(engine.url, MMHIE_LOG_LEVEL="debug").wait()
    for door in (*STREAMS, *DOORS):
        engine.next(fault="say", tokens=[CANARY])
        assert CANARY in door.ask(gateway.client, "Repeat.").text
    gateway.stop()

    assert CANARY not in gateway.log.lower()
