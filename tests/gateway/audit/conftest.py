"""A trail in a folder of the test's own, and the command line beside it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.audit.file import AuditFile, Fsync
from launcher.cli import app

KEY = "k" * 32
Open = Callable[..., AuditFile]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "audit.jsonl"


@pytest.fixture
def open_file(path: Path) -> Open:
    """The trail, as one process has it open."""

    def begin(key: str = KEY, rotate_bytes: int = 10**9, fsync: Fsync = "never") -> AuditFile:
        return AuditFile(path, key=key, rotate_bytes=rotate_bytes, fsync=fsync)

    return begin


def record(number: int) -> dict[str, Any]:
    return {"kind": "test", "number": number}


def lines(path: Path) -> list[dict[str, Any]]:
    """The records in a file."""
    return [json.loads(line) for line in path.read_bytes().splitlines()]


class Desk:
    """The command line beside a trail."""

    def __init__(
        self, path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.path = path
        self.monkeypatch = monkeypatch
        self.capsys = capsys
        monkeypatch.chdir(path.parent)
        monkeypatch.setenv("MMHIE_AUDIT_FILE", str(path))
        monkeypatch.setenv("MMHIE_AUDIT_KEY", KEY)
        monkeypatch.setenv("MMHIE_HOLD_FILE", str(path.with_name("hold.json")))
        monkeypatch.setenv("MMHIE_URL", "http://127.0.0.1:9")  # no gateway: nobody confirms a hold

    def run(self, *arguments: str, exit_code: int = 0) -> tuple[str, str]:
        """Return its standard output and standard error."""
        with pytest.raises(SystemExit) as ended:
            app.run(app.application(), arguments)
        out, err = self.capsys.readouterr()
        assert ended.value.code == exit_code, out + err
        return out, err


@pytest.fixture
def desk(path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Desk:
    return Desk(path, monkeypatch, capsys)
