"""Logs: one JSON object per line, allow-listed fields, no exception messages, no patient text."""

import asyncio
import gc
import io
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from gateway.observability import logs
from gateway.record import RequestRecord
from gateway.runtime.log import log
from tests.contract.process import ROOT
from tests.gateway.clock import Clock

CANARY = "Ada Lovelace, chest pain"


@pytest.fixture
def stream(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """Set up the process's log as in the service, and restore it afterwards."""
    written, root = io.StringIO(), logging.getLogger()
    before = root.handlers, root.level, log.level, logging.raiseExceptions
    monkeypatch.setattr(sys, "stderr", written)
    logs.set_up("info")
    yield written
    root.handlers, logging.raiseExceptions = before[0], before[3]
    root.setLevel(before[1])
    log.setLevel(before[2])


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line(stream: io.StringIO) -> None:
    """Time, level, event and fields of the allow-list; other fields are dropped."""
    log.info("request", extra={"status": 200, "ms": 1.5, "prompt": CANARY})
    (line,) = lines(stream)
    assert line.pop("time").endswith("Z")
    told = {"level": "info", "logger": "gateway", "event": "request", "status": 200, "ms": 1.5}
    assert line == told


def raises(depth: int = 0) -> None:
    if depth:
        raises(depth - 1)
    raise ValueError(CANARY) from KeyError(CANARY)


@pytest.mark.parametrize("depth", [0, 30])
def test_an_exception_is_type_and_place(stream: io.StringIO, depth: int) -> None:
    """Neither its message nor its cause's is logged; of a deep stack the innermost frames are."""
    try:
        raises(depth)
    except ValueError:
        log.exception("fault")
    (line,) = lines(stream)
    assert line["exception"] == "ValueError"
    assert line["at"][-1].endswith(" raises")
    assert len(line["at"]) <= 8
    assert CANARY not in stream.getvalue()


def test_values_in_other_people_s_sentences(stream: io.StringIO) -> None:
    """Messages of uvicorn have their numbers, and no other values; other libraries' have the place
    only."""
    for value in (CANARY, 3):
        logging.getLogger("uvicorn.error").error("Cancel %s tasks", value)
    logging.getLogger("uvicorn.error").error("100 % or %d", CANARY)
    logging.getLogger("somebody.else").error(f"failed on {CANARY}")
    logging.getLogger("somebody.else").error("failed on %s", CANARY)
    told = [line["event"] for line in lines(stream)]
    assert told[:3] == ["Cancel %s tasks", "Cancel 3 tasks", "100 % or %d"]
    assert all(event.startswith("a message from test_logs.py:") for event in told[3:])
    assert CANARY not in stream.getvalue()


def test_asyncio_s_own_complaints(stream: io.StringIO) -> None:
    """asyncio quotes the exception of a forgotten task; the log does not."""

    async def fail() -> None:
        raise ValueError(CANARY)

    async def forget() -> None:
        task = asyncio.create_task(fail())
        await asyncio.sleep(0.01)
        del task
        gc.collect()

    asyncio.run(forget())
    assert lines(stream)[0]["logger"] == "asyncio"
    assert lines(stream)[0]["exception"] == "ValueError"
    assert CANARY not in stream.getvalue()


def test_a_line_that_cannot_be_written(stream: io.StringIO) -> None:
    """The logging package would print the record with its values."""
    log.info("request %d", CANARY)
    log.info("request", extra={"status": ValueError(CANARY), "ms": 2**70})
    log.info("request", extra={"status": ValueError(CANARY)})
    assert CANARY not in stream.getvalue()
    assert lines(stream)[-1]["status"] == "ValueError"


DYING = """
import sys, threading, warnings
from gateway.observability import logs
from gateway.record import RequestRecord
from tests.contract.process import ROOT
logs.set_up("debug")
logs.install_hooks()
canary = " ".join(sys.argv[1:])
def die(): raise ValueError(canary)
thread = threading.Thread(target=die)
thread.start()
thread.join()
class Unraisable:
    def __del__(self): raise KeyError(canary)
Unraisable()
warnings.warn(canary)
die()
"""


def test_what_python_prints_by_itself() -> None:
    """Uncaught exceptions, in a thread or a destructor too, and warnings: type and place only."""
    done = subprocess.run(
        [sys.executable, "-c", DYING, CANARY], cwd=ROOT, capture_output=True, text=True
    )
    told = [json.loads(line) for line in done.stderr.splitlines()]

    assert done.returncode == 1
    kinds = [line.get("exception") for line in told]
    assert kinds == ["ValueError", "KeyError", None, "ValueError"]
    assert told[2]["logger"] == "py.warnings"
    assert CANARY not in done.stderr


def test_a_flood_of_strangers_fills_no_disk(stream: io.StringIO) -> None:
    """A few lines per second; requests with a key always have a line."""
    clock = Clock()
    requests = logs.RequestLog(clock=clock)
    for _ in range(1000):
        requests.observe(RequestRecord("r", "GET", outcome="unauthorized"))
    for _ in range(20):
        requests.observe(RequestRecord("k", "GET", outcome="ok"))
    clock.now += logs.WINDOW_S
    requests.observe(RequestRecord("r", "GET", outcome="unauthorized"))

    assert len(lines(stream)) == logs.MOST_LINES_OF_STRANGERS + 20 + 1
