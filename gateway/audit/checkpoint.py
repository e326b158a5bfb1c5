"""Checkpoints as they are noted elsewhere: `seq:mac`, or the gateway's lines on standard output."""

import re
from pathlib import Path

import orjson

from gateway.audit.chain import Head

WRITTEN = re.compile(r"(\d+):([0-9a-f]{64})")


def of(text: str) -> list[Head]:
    """The checkpoints in `seq:mac`, or in a file of log lines; raises ValueError or OSError."""
    written = WRITTEN.fullmatch(text.strip())
    if written:
        return [Head(int(written[1]), written[2])]
    found = [head for line in Path(text).read_bytes().splitlines() if (head := in_log(line))]
    if not found:
        raise ValueError("there is no checkpoint in it")
    return found


def in_log(line: bytes) -> Head | None:
    """The checkpoint in a log line, whatever a log collector put before it."""
    start = line.find(b"{")
    if start < 0 or b"audit_checkpoint" not in line:
        return None
    try:
        told = orjson.loads(line[start:])
        return Head(int(told["seq"]), str(told["mac"]))
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        return None
