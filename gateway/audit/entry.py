"""Audit lines of requests: caller, time, model, digests, counts, outcome; no text."""

from collections.abc import Sequence

from gateway.json_types import Json
from gateway.record import RequestRecord
from gateway.timestamps import rfc3339

LONGEST_NAME = 64  # of a principal, where room is short


def opened(record: RequestRecord, path: str, now: float) -> Json:
    """The journal's entry for a request whose answer begins."""
    return {
        "since": rfc3339(now),
        "request_id": record.request_id,
        "client": record.principal.name[:LONGEST_NAME],
        "auth": record.principal.kind,
        "address": record.address,
        "route": path,
    }


def line_of(record: RequestRecord) -> Json:
    """A request as it is written. The name of a key or the subject of a token, never the token."""
    return {
        "time": rfc3339(record.ended),
        "kind": "request",
        "request_id": record.request_id,
        "client": record.principal.name,
        "auth": record.principal.kind,
        "address": record.address,
        "route": record.route,
        "status": record.status,
        "outcome": record.outcome,
        "ms": record.ms,
        **answer_of(record),
    }


def answer_of(record: RequestRecord) -> Json:
    """What an auditor asks for of an answer, as far as the request got."""
    fields: Json = {}
    if record.origin is not None:
        origin = record.origin._asdict()
        fields |= {name: origin[name] for name in ("model", "revision", "prompt_digest")}
    if record.answer is not None:
        fields["output_digests"] = record.answer.output_digests
        fields["prompt_tokens"] = record.answer.prompt_tokens
        fields["completion_tokens"] = record.answer.completion_tokens
    if record.stream is not None:
        fields["stream"] = record.stream
    if record.answer is not None:
        if record.answer.truncated:
            fields["truncated"] = record.answer.truncated[-1]
        fields["notices"] = len(record.answer.notices)
    return fields


def lines_of(records: Sequence[RequestRecord]) -> list[Json]:
    """A batch as it is written. Of callers without a good key, one a batch is written and the
    rest are counted: else anybody could fill the disk."""
    strangers = [record for record in records if is_strangers(record)]
    written = [line_of(record) for record in records if not is_strangers(record)]
    if strangers:
        more = {"more_like_this": len(strangers) - 1} if len(strangers) > 1 else {}
        written.append({**line_of(strangers[-1]), "client": None, "auth": None, **more})
    return written


def is_strangers(record: RequestRecord) -> bool:
    """True where nobody was let in: no good key, or a method for which none is asked."""
    return record.outcome == "unauthorized" or (
        record.outcome == "method_not_allowed" and record.principal.kind == "open"
    )
