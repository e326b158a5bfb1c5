"""Structured logs: one JSON object a line, from an allow-list of fields; never patient text."""

import logging
import sys
import time
import traceback
from types import TracebackType
from typing import Any

import orjson

log = logging.getLogger("gateway")

FIELDS = (
    "request_id",
    "method",
    "route",
    "status",
    "outcome",
    "ms",
    "ttft_ms",
    "stream",
    "prompt_tokens",
    "completion_tokens",
    "truncated",
    "notices",
    "phase",
    "host",
    "port",
    "auth",
    "error",
)


class JsonFormatter(logging.Formatter):
    """Event, time and allow-listed fields. Of an exception only its type and place: messages
    quote values, and a value may be what a patient said."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
            + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage() if record.name == "gateway" else str(record.msg),
        }
        line |= {name: getattr(record, name) for name in FIELDS if hasattr(record, name)}
        if record.exc_info and record.exc_info[0]:
            line["exception"] = record.exc_info[0].__name__
            line["at"] = frames(record.exc_info[2])
        return orjson.dumps(line, default=str).decode()


def frames(trace: TracebackType | None) -> list[str]:
    """Where an exception passed, innermost last: file, line and function, no source text."""
    return [f"{f.filename}:{f.lineno} {f.name}" for f in traceback.extract_tb(trace)][-8:]


def set_up(level: str) -> None:
    """Send every logger of the process through the JSON formatter, to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    log.setLevel(level.upper())
