"""Audit lines of requests: caller, time, model, digests, counts, outcome; no text."""

from collections.abc import Sequence

from gateway.json_types import Json
from gateway.record import RequestRecord
from gateway.timestamps import rfc3339

LONGEST_NAME = 64  # of a principal, where room is short


def opened(record: RequestRecord, path: str, now: float) -> Json:
    """Return the journal's entry for a request whose answer begins."""
    return {
        "since": rfc3339(now),
        "request_id": record.request_id,
        "client": record.principal.name[:LONGEST_NAME],
        "auth": record.principal.kind,
        "address": record.address,
        "route": path,
    }


def line_of(record: RequestRecord) -> Json:
    """Return the line of a request, with a key's name or a token's subject, never the token."""
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
    """Return the facts of an answer for an auditor, as far as the request got."""
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
    if record.notices:
        fields["notices"] = [notice["id"] for notice in record.notices]
    if record.answer is not None and record.answer.truncated:
        fields["truncated"] = record.answer.truncated[-1]
    return fields


def lines_of(records: Sequence[RequestRecord]) -> list[Json]:
    """Return the lines of a batch. Of callers without a valid key, one per batch is written and the
    rest are counted: else anybody could fill the disk."""
    unauthenticated = [record for record in records if is_unauthenticated(record)]
    written = [line_of(record) for record in records if not is_unauthenticated(record)]
    if unauthenticated:
        more = {"more_like_this": len(unauthenticated) - 1} if len(unauthenticated) > 1 else {}
        written.append({**line_of(unauthenticated[-1]), "client": None, "auth": None, **more})
    return written


def is_unauthenticated(record: RequestRecord) -> bool:
    """Return whether the caller is unknown: no valid key, or a method that needs none."""
    return record.outcome == "unauthorized" or (
        record.outcome == "method_not_allowed" and record.principal.kind == "open"
    )
