"""A trail in a folder of the test's own, and the command line beside it."""

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from gateway.audit.chain import ChainHead
from gateway.audit.file import AuditFile
from tests.command import Command
from tests.contract.fixtures import Start
from tests.fake_engine.process import FakeEngine
from tests.waiting import until

KEY = "k" * 32
REQUEST_LINE: dict[str, Any] = {
    "time": "2026-11-25T01:46:06.262Z",
    "kind": "request",
    "host": "gpu-7",
    "request_id": "r-1",
    "client": "ward-7",
    "auth": "key",
    "address": "10.0.0.7",
    "route": "/llm/generate",
    "status": 200,
    "outcome": "ok",
    "ms": 12.5,
    "stream": True,
    "notices": ["MED101"],
    "notice_rules": "3f9a1c0b72de",
    "disclaimer": "1.0.0",
    "model": "fake-model",
    "engine": "vllm",
    "engine_version": "0.33.0",
    "sampling": {"temperature": 0.0, "max_tokens": 7},
    "prompt_digest": "hmac-sha256:aa",
    "output_digests": ["hmac-sha256:bb"],
    "prompt_tokens": 5,
    "completion_tokens": 6,
    "truncated": "in_answer",
}
Open = Callable[..., AuditFile]
Append = Callable[..., ChainHead]


@contextlib.contextmanager
def set_zone(zone: str) -> Iterator[None]:
    """Set the time zone of this process, as POSIX writes it."""
    patch = pytest.MonkeyPatch()
    patch.setenv("TZ", zone)
    time.tzset()
    try:
        yield
    finally:
        patch.undo()
        time.tzset()


def trail_settings(path: Path) -> dict[str, str]:
    """The settings of a gateway that writes this trail."""
    return {"MMHIE_AUDIT_FILE": str(path), "MMHIE_AUDIT_KEY": KEY}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "audit.jsonl"


@pytest.fixture
def start_audited(start: Start, engine: FakeEngine, path: Path) -> Start:
    """Start a gateway that writes the trail: `start_audited(MMHIE_X="...")`."""
    return partial(start, engine.url, **trail_settings(path))


@pytest.fixture
def open_file(path: Path) -> Open:
    """The trail, as one process has it open."""

    def begin(key: str = KEY, rotate_bytes: int = 10**9) -> AuditFile:
        return AuditFile(path, key=key, rotate_bytes=rotate_bytes)

    return begin


@pytest.fixture
def append(open_file: Open) -> Append:
    """Append batches as a process that comes and goes; the head after them."""

    def write(*batches: list[dict[str, Any]], **how: Any) -> ChainHead:
        file = open_file(**how)
        for batch in batches:
            file.append(batch)
        return file.head

    return write


def record(number: int) -> dict[str, Any]:
    return {"kind": "test", "number": number}


def records(*numbers: int) -> list[dict[str, Any]]:
    return [record(number) for number in numbers]


def lines(path: Path) -> list[dict[str, Any]]:
    """The records in a file."""
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def requests_in(path: Path) -> list[dict[str, Any]]:
    """The lines of requests in a file that is being written: no line that is half there."""
    whole = path.read_bytes().rpartition(b"\n")[0]
    return [line for line in map(json.loads, whole.splitlines()) if line["kind"] == "request"]


def numbers_in(path: Path) -> list[int]:
    """The numbers of the test's records, in their order."""
    return [line["number"] for line in lines(path) if line["kind"] == "test"]


def line_where(path: Path, **facts: str) -> dict[str, Any]:
    """The one line of a request with these facts, once it is there."""
    matching: list[dict[str, Any]] = []

    def is_there() -> bool:
        matching[:] = [line for line in requests_in(path) if facts.items() <= line.items()]
        return bool(matching)

    until(is_there)
    assert len(matching) == 1
    return matching[0]


def fail(path: Path) -> None:
    """Take the folder away: opening the file fails until it is back."""
    path.parent.rename(path.parent.with_name("away"))


def repair(path: Path) -> None:
    path.parent.with_name("away").rename(path.parent)


class Desk(Command):
    """The command line beside a trail."""

    def __init__(
        self, path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        super().__init__(monkeypatch, capsys)
        self.path = path
        monkeypatch.chdir(path.parent)
        for name, value in trail_settings(path).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("MMHIE_HOLD_FILE", str(path.with_name("hold.json")))
        monkeypatch.setenv("MMHIE_URL", "http://127.0.0.1:9")  # no gateway: nobody confirms a hold


@pytest.fixture
def desk(path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Desk:
    return Desk(path, monkeypatch, capsys)
