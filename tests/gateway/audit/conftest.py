"""A trail in a folder of the test's own."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.audit.file import AuditFile, Fsync

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
