"""Every fault of the engine and what each surface makes of it, as one table."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from tests.contract.surfaces import CHAT, CHAT_JSON, CHAT_SSE, GENERATE, SURFACES, Surface

TIMEOUT_S: Final = 2.0  # MMHIE_TIMEOUT_SECONDS where a timeout is expected; longer elsewhere
COLUMNS: Final[tuple[Surface, ...]] = tuple(
    surface for surface in SURFACES if surface.path in (GENERATE, CHAT)
)

WHOLE: Final = "complete"
CUT, GARBLED, REJECTED = "engine_cut", "engine_garbled", "engine_rejected"
TIMEOUT, UNAVAILABLE, NO_ANSWER = "engine_timeout", "engine_unavailable", "no_answer"

# The engine's work: aborted by the gateway, finished by the engine itself, or never begun.
Work = Literal["aborted", "finished", "none"]
# An engine that lives on, one that may die, none at all.
Site = Literal["engine", "mortal", "refused", "no socket"]

Faults = tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Row:
    """A fault: the outcome on each of COLUMNS, the engine's work, and the gateway's timeout, if
    that ends the request.

    A cell is a status and its code; `in band` and the code of the error that ends a stream; or
    `complete`, with the warnings in the answer's label.
    """

    faults: Faults
    cells: tuple[str, ...]
    work: Work = "finished"
    timeout_s: float | None = None
    site: Site = "engine"

    def cell(self, surface: Surface) -> str:
        """Return the outcome on any surface: on /v1 the form of the answer decides."""
        twin = CHAT_JSON if surface.form == "json" else CHAT_SSE
        return self.cells[COLUMNS.index(surface if surface in COLUMNS else twin)]


def everywhere(said: str) -> tuple[str, ...]:
    """The same on every surface."""
    return (said,) * len(COLUMNS)


def midway(code: str, *, document: str = "", status: int = 502) -> tuple[str, ...]:
    """In band on a stream, a status where the answer is one piece; what the engine answers to
    /v1 is a `document` there, and may be broken in another way."""
    json, band = f"{status} {code}", f"in band {code}"
    return (json, band, band, document or json, band)


def by_api(generate: str, json: str, stream: str) -> tuple[str, ...]:
    """One outcome on /llm/generate, and those of a document and of a stream on /v1."""
    return (*[generate] * 3, json, stream)


def fault(name: str, **knobs: Any) -> Faults:
    return ({"fault": name, **knobs},)


def status(number: int, body: str | None = None, media: str = "text/html") -> Faults:
    """A status with a body that is not vLLM's, or with vLLM's own."""
    if body is None:
        return fault("status", status=number)
    return fault("status", status=number, body=body, content_type=media)


def raw(*parts: str) -> Faults:
    return fault("raw", body="".join(parts))


REDIRECT = (
    "HTTP/1.1 307 Temporary Redirect\r\nlocation: http://127.0.0.1:9/\r\ncontent-length: 0\r\n\r\n"
)
NO_BODY = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 9\r\n\r\n"
LONG = "HTTP/1.1 {} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n"
TWO_MEGABYTES = '{"error": {"message": "' + "x" * 2_000_000
EMPTY, THOUGHT = "complete, empty_answer", "complete, reasoning_only, truncated in_reasoning"
AT_BUDGET = "complete, truncated in_answer"
ENDLESS = (AT_BUDGET, AT_BUDGET, WHOLE, f"504 {TIMEOUT}", "continues")
PAGE = "<html><body><h1>nginx</h1></body></html>"
NOT_READY, NO_HTTP = everywhere(f"503 {UNAVAILABLE}"), everywhere(f"502 {GARBLED}")
REFUSED = everywhere("400 400")
STALLED = midway(TIMEOUT, status=504)
FAILED, LATE = everywhere(f"502 {REJECTED}"), everywhere(f"504 {TIMEOUT}")

UNREACHABLE: dict[str, Row] = {
    "connection refused": Row((), NOT_READY, "none", site="refused"),
    "socket missing": Row((), NOT_READY, "none", site="no socket"),
    "reset before the first byte, once": Row(fault("reset"), everywhere(WHOLE)),
    "reset before the first byte, always": Row(fault("reset", times=2), NOT_READY, "none"),
    "keep-alive connection closed as the request is sent": Row(fault("stale"), everywhere(WHOLE)),
    "killed mid-answer": Row(fault("crash_midstream"), midway(CUT), "none", site="mortal"),
    "killed and restarted": Row(fault("restart"), everywhere(WHOLE), site="mortal"),
    "stopped (SIGSTOP)": Row(fault("sigstop"), LATE, "none", TIMEOUT_S, site="mortal"),
}
STATUSES: dict[str, Row] = {
    "400 with HTML": Row(status(400, PAGE), REFUSED, "none"),
    "422 with JSON": Row(status(422), everywhere("422 422"), "none"),
    "401 (the gateway's own key)": Row(status(401), FAILED, "none"),
    "429": Row(status(429), NOT_READY, "none"),
    "500 with JSON": Row(status(500), FAILED, "none"),
    "500, endless": Row(raw(LONG.format(500, 10**12), TWO_MEGABYTES), FAILED, "none"),
    "503 with JSON": Row(status(503), NOT_READY, "none"),
    "204": Row(status(204, ""), NO_HTTP, "none"),
    "307 redirect": Row(raw(REDIRECT), NO_HTTP, "none"),
    "200 with HTML": Row(fault("html"), NO_HTTP, "none"),
    "200, empty": Row(fault("empty"), NO_HTTP, "none"),
    "200 with an error object": Row(fault("error_first"), FAILED),
    "JSON instead of a stream, a stream instead of JSON": Row(fault("wrong_kind"), NO_HTTP),
}
FRAMING: dict[str, Row] = {
    "bytes of another protocol": Row(raw("SSH-2.0-OpenSSH_9.9\r\n\r\n"), NO_HTTP, "none"),
    "truncated headers": Row(raw("HTTP/1.1 200 OK\r\nconte"), everywhere(f"502 {CUT}"), "none"),
    "headers without a body": Row(
        raw(NO_BODY), by_api(f"502 {CUT}", f"502 {GARBLED}", f"502 {CUT}"), "none"
    ),
    "Content-Length too long, then closed": Row(
        fault("long_length"), by_api(WHOLE, f"502 {CUT}", WHOLE)
    ),
    "invalid chunk size": Row(fault("chunk_garbage"), midway(GARBLED, document=f"502 {CUT}")),
    "chunk shorter than its size": Row(fault("wrong_length"), midway(CUT)),
    "compressed without request": Row(fault("compressed"), NO_HTTP),
}
SILENCE: dict[str, Row] = {
    "silent before the headers": Row(fault("hang_before_headers"), LATE, "aborted", TIMEOUT_S),
    "silent before the first token": Row(fault("hang_after_headers"), LATE, "aborted", TIMEOUT_S),
    "silent mid-answer": Row(fault("hang_midstream"), STALLED, "aborted", TIMEOUT_S),
    "trickling bytes, an event that never ends": Row(
        fault("trickle"), STALLED, "aborted", TIMEOUT_S
    ),
    "endless answer": Row(fault("endless"), ENDLESS, "aborted", TIMEOUT_S),
    "an event of 48 MiB": Row(fault("giant"), NO_HTTP, "aborted"),
}
CONTENT: dict[str, Row] = {
    "closed between two events": Row(fault("cut"), midway(CUT)),
    "closed inside an event": Row(fault("half_event"), midway(CUT)),
    "reset mid-answer": Row(fault("reset_midstream"), midway(CUT)),
    "orderly end mid-answer": Row(fault("clean_cut"), midway(CUT)),
    "[DONE] missing": Row(fault("no_done"), midway(CUT, document=WHOLE)),
    "error event mid-answer": Row(
        fault("error_midstream"), midway(REJECTED, document=f"502 {CUT}")
    ),
    "invalid UTF-8 in a token": Row(fault("bad_letter"), midway(GARBLED)),
    "document that is not JSON": Row(fault("wrong_json"), NO_HTTP, "none"),
    "event that is not JSON": Row(fault("bad_json"), midway(GARBLED)),
    "choices is null": Row(
        fault("null_choices"), by_api(f"502 {CUT}", f"502 {GARBLED}", f"in band {CUT}")
    ),
    "no token counts": Row(fault("no_usage"), everywhere(WHOLE)),
    "tokens but no text": Row(fault("null_content"), by_api(f"502 {NO_ANSWER}", EMPTY, EMPTY)),
    "reasoning but no answer": Row(
        fault("reasoning_only"), by_api(f"502 {NO_ANSWER}", THOUGHT, THOUGHT)
    ),
}
ROWS: Final[Mapping[str, Mapping[str, Row]]] = {
    "Connection": UNREACHABLE,
    "HTTP status": STATUSES,
    "HTTP framing": FRAMING,
    "Timeouts and size": SILENCE,
    "Response content": CONTENT,
}
FAULTS: Final[Mapping[str, Row]] = {
    name: row for rows in ROWS.values() for name, row in rows.items()
}
# One fault of each kind, which every change meets on all surfaces; the others are slow.
TYPICAL: Final = (
    "connection refused",
    "reset before the first byte, once",
    "reset before the first byte, always",
    "keep-alive connection closed as the request is sent",
    "422 with JSON",
    "401 (the gateway's own key)",
    "500 with JSON",
    "503 with JSON",
    "307 redirect",
    "200 with HTML",
    "200, empty",
    "bytes of another protocol",
    "truncated headers",
    "invalid chunk size",
    "chunk shorter than its size",
    "compressed without request",
    "silent before the headers",
    "silent before the first token",
    "closed between two events",
    "reset mid-answer",
    "orderly end mid-answer",
    "error event mid-answer",
    "document that is not JSON",
)
