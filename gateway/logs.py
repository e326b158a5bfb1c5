"""Structured logs: one JSON object a line, from an allow-list of fields; never patient text."""

import logging
import sys
import time
import traceback
from types import TracebackType
from typing import Any

import orjson

from gateway.errors import InternalError

log = logging.getLogger("gateway")

FIELDS = (
    "request_id",
    "trace_id",
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
            "event": event(record),
        }
        line |= {name: getattr(record, name) for name in FIELDS if hasattr(record, name)}
        if record.exc_info and record.exc_info[0]:
            line["exception"] = record.exc_info[0].__name__
            line["at"] = frames(record.exc_info[2])
        return orjson.dumps(line, default=type_of).decode()


def event(record: logging.LogRecord) -> str:
    """What happened, in words that were written before it did: our own, or uvicorn's less their
    arguments. Others put values into their sentences, asyncio those of exceptions: of theirs
    only the place is told."""
    if record.name == log.name:
        return record.getMessage()
    if record.name.partition(".")[0] == "uvicorn":
        return str(record.msg)
    return f"a message from {record.filename}:{record.lineno}"


def type_of(value: object) -> str:
    """What stands in a line for a value that JSON does not know."""
    return type(value).__name__


def fault(request_id: str) -> InternalError:
    """Log the exception being handled, which is a fault of ours, and what to tell of it."""
    log.exception("fault", extra={"request_id": request_id})
    return InternalError("The gateway failed; this was logged.")


def frames(trace: TracebackType | None) -> list[str]:
    """Where an exception passed, innermost last: file, line and function, no source text."""
    return [f"{f.filename}:{f.lineno} {f.name}" for f in traceback.extract_tb(trace)][-8:]


def set_up(level: str) -> None:
    """Send every logger of the process through the JSON formatter, to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.raiseExceptions = False  # a line that cannot be written is not printed either
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    log.setLevel(level.upper())
