"""The account of one request for a person: what was asked, answered and told, in 80 columns."""

import textwrap
from collections.abc import Callable, Iterator

from gateway.audit.entry import WEIGHTS
from gateway.audit.request_lines import RequestLine
from gateway.runtime.json_types import Json

WIDTH, LABEL, OK = 80, 16, 200
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


def account(line: RequestLine, request_id: str) -> str:
    """Return the account of a line: what the chain says of it first."""
    parts = [f"Request {printable(request_id)}", *chain_of(line)]
    sections = sections_of(line.record)
    for title, rows in sections.items() if line.record else ():
        written = [row(label, printable(value)) for label, value in rows(line.record)]
        parts += ["", *([title] if title else []), *written] if written else []
    return "\n".join(parts)


def sections_of(record: Json) -> dict[str, Callable[[Json], Rows]]:
    """Return what there is to say of a line, by its kind."""
    if record.get("kind") == "feedback":
        return {"": feedback}
    if record.get("kind") == "feedback_closed":
        return {"": closing}
    return {"": asked, "What the client was told": told, "What answered": answered}


def feedback(record: Json) -> Rows:
    """Yield what was said of the answer, and by whom."""
    is_sign_off = record.get("category") == "signed_off"
    yield "event", "sign-off" if is_sign_off else f"flag: {record.get('category')}"
    yield "at", str(record.get("time"))
    if "severity" in record:
        yield "severity", record["severity"]
    yield "by", record.get("reviewer") or f"{record.get('client')} ({record.get('auth')})"
    if "reviewer" in record:
        yield "with", f"{record.get('client')} ({record.get('auth')})"
    yield "feedback id", str(record.get("feedback_id"))


def closing(record: Json) -> Rows:
    """Yield what came of a flag or a sign-off."""
    yield "event", f"feedback closed as {record.get('outcome')}"
    yield "at", str(record.get("time"))
    yield "by", str(record.get("by") or "unknown")
    yield "feedback id", str(record.get("feedback_id"))


def asked(record: Json) -> Rows:
    """Yield who asked what, and how it ended."""
    if "since" in record:
        yield "began", record["since"]
    else:
        yield "ended", f"{record.get('time')}, after {record.get('ms')} ms"
    if "caller_request_id" in record:
        yield "request id", record["request_id"]
        yield "caller's id", record["caller_request_id"]
    who = f"{record.get('client') or 'unknown'} ({record.get('auth') or 'no valid key'})"
    yield "client", f"{who} from {record.get('address') or 'an unknown address'}"
    yield from care(record)
    yield "endpoint", f"{record.get('route')}{', streamed' if record.get('stream') else ''}"
    yield "gateway", f"{record.get('host')} {record.get('gateway_version', '')}".strip()
    code = str(record.get("outcome"))
    status = f" (status {record['status']})" if record.get("status") else ""
    yield "outcome", f"{ENDINGS.get(code, f'error {code}')}{status}"
    if "prompt_digest" in record:
        yield "digest of all that was sent", record["prompt_digest"]


def care(record: Json) -> Rows:
    """Yield for whom the client spoke, about whom and why."""
    if "user" in record:
        yield "on behalf of", record["user"]
    if "patient" in record:
        yield "about", record["patient"]
    if "purpose" in record:
        yield "purpose", ", ".join(record["purpose"])


def told(record: Json) -> Rows:
    """Yield notices, cut, warnings, disclaimer: what went with the answer or the error."""
    if "notice_rules" in record:
        ids = ", ".join(record.get("notices", ())) or "none"
        yield "notices", f"{ids} (rules {record['notice_rules']})"
    if "notices_resolved" in record:
        yield "resolved", ", ".join(record["notices_resolved"])
    digests = record.get("output_digests", ())
    if record.get("status") == OK and record.get("outcome") != "ok":
        said = "the digest is of what there was of it" if digests else "no digest of what was sent"
        yield "answer", f"broke off: {said}"
    elif digests:
        yield "answer", CUTS.get(record.get("truncated", ""), "whole")
        yield "warnings", ", ".join(record.get("warnings", ())) or "none"
    if digests:
        yield "disclaimer", f"version {record.get('disclaimer')}"
    for digest in digests:
        yield "digest of the answer", digest


def answered(record: Json) -> Rows:
    """Yield the model and how it was run."""
    for name in WEIGHTS:
        if name in record:
            yield name.replace("_", " "), record[name]
    if "engine" in record:
        yield "engine", f"{record['engine']} {record.get('engine_version', '')}".strip()
    if "system_fingerprint" in record:
        yield "fingerprint", record["system_fingerprint"]
    facts = dict(record.get("sampling", {}))
    facts |= {name: record[name] for name in ("reasoning_effort", "pinned_date") if name in record}
    if facts:
        yield "sampling", ", ".join(f"{name} {value}" for name, value in facts.items())
    if "prompt_tokens" in record:
        estimated = (
            " (estimated: the engine had not counted)" if "tokens_estimated" in record else ""
        )
        out = record.get("completion_tokens", "none seen")
        yield "tokens", f"{record['prompt_tokens']} in, {out} out{estimated}"


def chain_of(line: RequestLine) -> list[str]:
    """Return where the line is, and what the chain says."""
    held = "It is as it was written, and the chain holds to the lines around it."
    state = " ".join(line.problems) or held
    return textwrap.wrap(f"{line.where}, line {line.record.get('seq', '?')}. {state}", WIDTH)


def row(label: str, value: str) -> str:
    """Return a labelled value; one that would break in a word gets a line of its own."""
    start = f"  {label:<{LABEL}}"
    if len(label) >= LABEL or any(len(word) > WIDTH - len(start) for word in value.split()):
        return f"  {label}\n  {value}"
    return textwrap.fill(value, WIDTH, initial_indent=start, subsequent_indent=" " * len(start))


def printable(text: str) -> str:
    """Return a text without what would steer a terminal: a name may come from a token."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
