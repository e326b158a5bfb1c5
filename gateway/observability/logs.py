"""Structured logs: one JSON object a line, from an allow-list of fields; never patient text."""

import asyncio
import contextlib
import logging
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import TextIO

import orjson

from gateway.errors import FAULT, InternalError
from gateway.record import RequestRecord, rfc3339
from gateway.runtime.log import log

BATCH_S = 0.05  # the longest wait of a line

ExcInfo = tuple[type[BaseException], BaseException | None, TracebackType | None]


class JsonFormatter(logging.Formatter):
    """Formats event, time and allow-listed fields. Of an exception it writes type and place only,
    since its message may quote patient text."""

    def format(self, record: logging.LogRecord) -> str:
        line = begin_line(record.created, record.levelname.lower(), record.name, event(record))
        line |= select_fields(record.__dict__)
        if record.exc_info and record.exc_info[0]:
            line["exception"] = record.exc_info[0].__name__
            line["at"] = frames(record.exc_info[2])
        return to_json(line)


def begin_line(unix_s: float, level: str, logger: str, event: str) -> dict[str, object]:
    """Return the common fields of every line."""
    return {"time": rfc3339(unix_s), "level": level, "logger": logger, "event": event}


def select_fields(extra: Mapping[str, object]) -> dict[str, object]:
    """Return the known fields that a line may have."""
    return {name: value for name, value in extra.items() if value is not None and name in FIELDS}


def to_json(line: Mapping[str, object]) -> str:
    return orjson.dumps(line, default=type_name).decode()


def event(record: logging.LogRecord) -> str:
    """Return the event in fixed words: our own, or uvicorn's with numbers alone.

    Messages of other libraries may contain values; of those only the place is named.
    """
    if record.name == log.name:
        return record.getMessage()
    if record.name.partition(".")[0] == "uvicorn":
        has_numbers = all(isinstance(value, int) for value in record.args or ())
        return record.getMessage() if has_numbers else str(record.msg)
    return f"a message from {record.filename}:{record.lineno}"


class BatchHandler(logging.StreamHandler[TextIO]):
    """Writes lines to standard error in small batches.

    A write for each line would cost more than formatting it. Warnings, errors, and lines outside of
    an event loop are written at once.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self.add(self.format(record))
        except (TypeError, ValueError):  # logging never fails, as in every handler
            self.handleError(record)
        if record.levelno >= logging.WARNING:
            self.flush()

    def add(self, line: str) -> None:
        """Write a line soon."""
        self._lines.append(line + "\n")
        if len(self._lines) == 1:
            self._flush_later()

    def _flush_later(self) -> None:
        try:
            asyncio.get_running_loop().call_later(BATCH_S, self.flush)
        except RuntimeError:  # no loop runs in this thread
            self.flush()

    def flush(self) -> None:
        """Write the waiting lines; ignore a closed stream."""
        with self.lock or contextlib.nullcontext():
            lines, self._lines = self._lines, []
            with contextlib.suppress(OSError, ValueError):
                self.stream.write("".join(lines))
                self.stream.flush()


def request_fields(record: RequestRecord) -> dict[str, object]:
    """Return the fields of a request's line, without its text and its caller."""
    answer = record.answer
    return {
        "request_id": record.request_id,
        "trace_id": record.trace and record.trace.id,
        "method": record.method,
        "route": record.route,
        "status": record.status,
        "outcome": record.outcome,
        "ms": record.ms,
        "ttft_ms": record.ttft_ms,
        "stream": record.stream,
        "notices": len(record.notices),
        "prompt_tokens": answer and answer.prompt_tokens,
        "completion_tokens": answer and answer.completion_tokens,
        "tokens_estimated": (answer and answer.is_estimated) or None,
        "truncated": answer.truncated[-1] if answer and answer.truncated else None,
    }


# The allow-list: fields of a request, and facts of the start.
FIELDS = frozenset([*request_fields(RequestRecord("", "")), "host", "port", "auth", "count"])


def log_request(record: RequestRecord) -> None:
    """Log a request without a LogRecord, which would double the cost of its line."""
    handlers, fields = logging.getLogger().handlers, request_fields(record)
    if not (handlers and isinstance(handlers[0], BatchHandler)):
        log.info("request", extra=fields)
    elif log.isEnabledFor(logging.INFO):
        line = begin_line(time.time(), "info", log.name, "request") | select_fields(fields)
        with contextlib.suppress(TypeError):  # not JSON: logging never fails
            handlers[0].add(to_json(line))


MOST_LINES_OF_STRANGERS = 10  # in a window
WINDOW_S = 1.0


class RequestLog:
    """Writes one line for each request. Of requests without a valid key only a few a second are
    written, so that a flood does not fill the disk; metrics and audit trail count them."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._window = float("-inf")
        self._seen = 0

    def observe(self, record: RequestRecord) -> None:
        if record.outcome == "unauthorized" and not self._has_room():
            return
        log_request(record)

    def _has_room(self) -> bool:
        """Count a request without a valid key; return whether its line is written."""
        now = self._clock()
        if now >= self._window + WINDOW_S:
            self._window, self._seen = now, 0
        self._seen += 1
        return self._seen <= MOST_LINES_OF_STRANGERS


def type_name(value: object) -> str:
    """Return the type's name, in place of a value that JSON cannot represent."""
    return type(value).__name__


def fault(request_id: str) -> InternalError:
    """Log the current exception, a bug in the gateway; return the error for the caller."""
    log.exception("fault", extra={"request_id": request_id})
    return InternalError(FAULT)


def frames(trace: TracebackType | None) -> list[str]:
    """Return the frames of an exception, innermost last: file, line, function, no source text."""
    return [f"{f.filename}:{f.lineno} {f.name}" for f in traceback.extract_tb(trace)][-8:]


def set_up(level: str) -> None:
    """Send every logger of the process through the JSON formatter, to standard error."""
    handler = BatchHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.raiseExceptions = False  # a line that cannot be written is not printed elsewhere
    # No line has these fields, and collecting them takes longer than formatting the line.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    log.setLevel(level.upper())


def install_hooks() -> None:
    """Log errors and warnings that Python would print with their messages."""
    logging.captureWarnings(True)
    sys.excepthook = lambda kind, error, trace: _died((kind, error, trace))
    threading.excepthook = lambda died: _died((died.exc_type, died.exc_value, died.exc_traceback))
    sys.unraisablehook = lambda lost: _died((lost.exc_type, lost.exc_value, lost.exc_traceback))


def _died(exc_info: ExcInfo) -> None:
    log.error("fault", exc_info=exc_info)  # type: ignore[arg-type] # as the hooks have it
