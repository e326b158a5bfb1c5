"""Describe the lines of one request for a person, in 80 columns."""

import textwrap
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from gateway.audit.entry import WEIGHTS
from gateway.runtime.json_types import Json

if TYPE_CHECKING:  # DuckDB is for searches alone
    from gateway.audit.search import FoundLine

WIDTH, LABEL, OK = 80, 16, 200
INTACT, CHANGED = "It is as it was written.", "It is not what was written."
ENDINGS = {
    "ok": "answered",
    "client_gone": "the client left before the end",
    "unfinished": "not known: the process was killed before this line was written",
}
CUTS = {
    "in_answer": "cut off: token limit",
    "in_reasoning": "cut off in the reasoning: token limit",
    "input": "the prompt was cut: the model did not read all of it",
}
Rows = Iterator[tuple[str, str]]
Section = Callable[[Json], Rows]


def account(line: "FoundLine", request_id: str, summaries: Mapping[str, str]) -> str:
    """Describe a line: first whether it is genuine, then its content, with the summaries of notices
    by their ids."""
    parts = [f"Request {printable(request_id)}", *describe_place(line)]
    notices = [f"{id} {summaries.get(id, '')}".strip() for id in line.record.get("notices", ())]
    record = {**line.record, "notices": notices} if notices else line.record
    for title, rows in sections(record).items():
        lines = [row(label, printable(value)) for label, value in rows(record)]
        if lines:
            parts += ["", *([title] if title else []), *lines]
    return "\n".join(parts)


def describe_place(line: "FoundLine") -> list[str]:
    state = INTACT if line.is_genuine else CHANGED
    return textwrap.wrap(f"{line.file}, line {line.record.get('seq', '?')}. {state}", WIDTH)


def sections(record: Json) -> dict[str, Section]:
    """Return the sections for a record of this kind, by title."""
    if not record:
        return {}
    if record.get("kind") == "feedback":
        return {"": feedback_rows}
    if record.get("kind") == "feedback_closed":
        return {"": closing_rows}
    shown = ("What the client was shown", result_rows), ("What answered", model_rows)
    return {"": request_rows, **dict(shown)}


def feedback_rows(record: Json) -> Rows:
    """Yield the feedback and who gave it."""
    is_sign_off = record.get("category") == "signed_off"
    client = f"{record.get('client')} ({record.get('auth')})"
    yield "event", "sign-off" if is_sign_off else f"flag: {record.get('category')}"
    yield "at", in_both_zones(record.get("time"))
    if "severity" in record:
        yield "severity", record["severity"]
    yield "by", record.get("reviewer") or client
    if "reviewer" in record:
        yield "with", client
    yield "feedback id", str(record.get("feedback_id"))


def closing_rows(record: Json) -> Rows:
    """Yield who closed feedback, and with which outcome."""
    yield "event", f"feedback closed as {record.get('outcome')}"
    yield "at", in_both_zones(record.get("time"))
    yield "by", str(record.get("by") or "unknown")
    yield "feedback id", str(record.get("feedback_id"))


def request_rows(record: Json) -> Rows:
    """Yield who sent the request, when and where, and how it ended."""
    if "since" in record:
        yield "began", in_both_zones(record["since"])
    else:
        yield "ended", f"{in_both_zones(record.get('time'))}, after {record.get('ms')} ms"
    if "caller_request_id" in record:
        yield "request id", record["request_id"]
        yield "caller's id", record["caller_request_id"]
    client = f"{record.get('client') or 'unknown'} ({record.get('auth') or 'no valid key'})"
    yield "client", f"{client} from {record.get('address') or 'an unknown address'}"
    yield from care_rows(record)
    yield "endpoint", f"{record.get('route')}{', streamed' if record.get('stream') else ''}"
    yield "gateway", f"{record.get('host')} {record.get('gateway_version', '')}".strip()
    code = str(record.get("outcome"))
    status = f" (status {record['status']})" if record.get("status") else ""
    yield "outcome", f"{ENDINGS.get(code, f'error {code}')}{status}"
    for name in ("reason", "param"):
        if name in record:
            yield name, record[name]
    if "prompt_digest" in record:
        yield "digest of all that was sent", record["prompt_digest"]


def care_rows(record: Json) -> Rows:
    """Yield the person who asked, the patient and the purpose."""
    if "user" in record:
        yield "on behalf of", record["user"]
    if "patient" in record:
        yield "about", record["patient"]
    if "purpose" in record:
        yield "purpose", ", ".join(record["purpose"])


def result_rows(record: Json) -> Rows:
    """Yield notices, truncation, warnings and disclaimer, which went out with answer or error."""
    if "notice_rules" in record:
        ids = ", ".join(record.get("notices", ())) or "none"
        yield "notices", f"{ids} (rules {record['notice_rules']})"
    if "notices_resolved" in record:
        yield "resolved", ", ".join(record["notices_resolved"])
    digests = record.get("output_digests", ())
    if record.get("status") == OK and record.get("outcome") != "ok":
        known = "the digest is of what there was of it" if digests else "no digest of what was sent"
        yield "answer", f"broke off: {known}"
    elif digests:
        yield "answer", CUTS.get(record.get("truncated", ""), "whole")
        yield "warnings", ", ".join(record.get("warnings", ())) or "none"
    if digests:
        yield "disclaimer", f"version {record.get('disclaimer')}"
    for digest in digests:
        yield "digest of the answer", digest


def model_rows(record: Json) -> Rows:
    """Yield the model, the engine and the sampling."""
    for name in WEIGHTS:
        if name in record:
            yield name.replace("_", " "), record[name]
    if "engine" in record:
        yield "engine", f"{record['engine']} {record.get('engine_version', '')}".strip()
    if "system_fingerprint" in record:
        yield "fingerprint", record["system_fingerprint"]
    sampling = dict(record.get("sampling", {}))
    sampling |= {
        name: record[name] for name in ("reasoning_effort", "pinned_date") if name in record
    }
    if sampling:
        yield "sampling", ", ".join(f"{name} {value}" for name, value in sampling.items())
    if "prompt_tokens" in record:
        is_estimated = "tokens_estimated" in record
        note = " (estimated: the engine had not counted)" if is_estimated else ""
        answer = record.get("completion_tokens", "none seen")
        yield "tokens", f"{record['prompt_tokens']} in, {answer} out{note}"


def row(label: str, value: str) -> str:
    """Return a labelled value, on a line of its own if it would break inside a word."""
    start = f"  {label:<{LABEL}}"
    if len(label) >= LABEL or any(len(word) > WIDTH - len(start) for word in value.split()):
        return f"  {label}\n  {value}"
    return textwrap.fill(value, WIDTH, initial_indent=start, subsequent_indent=" " * len(start))


def in_both_zones(time: object) -> str:
    """Return a time in UTC, and in brackets in the zone of this machine (`TZ`), if that differs."""
    try:
        local = datetime.fromisoformat(str(time)).astimezone()
    except (ValueError, OverflowError):
        return str(time)
    return f"{time} ({local:%Y-%m-%d %H:%M:%S %Z})" if local.utcoffset() else str(time)


def printable(text: str) -> str:
    """Replace characters that would control a terminal: a name may come from a token."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
