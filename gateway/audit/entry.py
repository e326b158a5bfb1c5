"""Audit lines of requests: caller, time, model, digests, counts, outcome; no text."""

from collections.abc import Sequence
from operator import itemgetter

from gateway.audit.file import HOST
from gateway.audit.pseudonyms import Pseudonyms
from gateway.record import RequestRecord, rfc3339
from gateway.runtime.json_types import Json

LONGEST_NAME = 64  # of a principal, where room is short
WEIGHTS = (
    "model",
    "revision",
    "base",
    "base_revision",
    "adapter",
    "adapter_digest",
    "quantization",
)
PROGRAMS = ("engine", "engine_version", "gateway_version")
# Of the provenance of the answer, beside what a line has anyway.
ORIGIN = (*WEIGHTS, *PROGRAMS, "pinned_date", "reasoning_effort", "sampling", "prompt_digest")
origin_values = itemgetter(*ORIGIN)  # a third of the time of a loop
# Of a request about a patient: EHDS (Regulation (EU) 2025/327), Annex II 3.2, asks for both.
DATA = {"data_category": "free_text", "data_origin": "request"}
EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")


def opened(record: RequestRecord, path: str, now: float, names: Pseudonyms) -> Json:
    """Return the journal's entry for a request whose answer begins."""
    care = names.care_of(record.principal)
    if care["user"]:
        care["user"] = care["user"][:LONGEST_NAME]
    return {
        "since": rfc3339(now),
        "host": HOST,
        **ids_of(record),
        "client": record.principal.name[:LONGEST_NAME],
        "auth": record.principal.kind,
        "address": record.address,
        "route": path,
        **(known(screening_of(record)) if record.notices else {}),
        **known(care),
    }


def line_of(record: RequestRecord, names: Pseudonyms) -> Json:
    """Return the line of a request, with the principal's name, never its key or token."""
    care = names.care_of(record.principal)
    return {
        "time": rfc3339(record.ended),
        "kind": "request",
        "host": HOST,
        **ids_of(record),
        "client": record.principal.name,
        "auth": record.principal.kind,
        "address": record.address,
        "route": record.route,
        "status": record.status,
        "outcome": record.outcome,
        "ms": record.ms,
        **known(
            {"reason": record.reason, "param": record.param}
            | {"traceparent": record.traceparent}
            | care
            | names.token_of(record.principal)
            | (DATA if care["patient"] else {})
            | screening_of(record)
            | origin_of(record)
            | answer_of(record)
        ),
    }


def ids_of(record: RequestRecord) -> Json:
    """Return the request's own id, and beside it the one that its caller chose: callers may choose
    one twice, and would hide one request behind another."""
    if record.own_id in ("", record.request_id):
        return {"request_id": record.request_id}
    return {"request_id": record.own_id, "caller_request_id": record.request_id}


def screening_of(record: RequestRecord) -> Json:
    """Return the notices that went with the response, and the rules that decided them."""
    return {
        "notices": [notice["id"] for notice in record.notices],
        "notices_resolved": record.resolved,
        "notice_rules": record.notice_rules,
    }


def origin_of(record: RequestRecord) -> Json:
    """Return who answers, how, and what it was asked, as far as the request got."""
    if record.origin is None:
        return {}
    origin = dict(zip(ORIGIN, origin_values(record.origin.provenance), strict=True))
    if origin["reasoning_effort"] not in EFFORTS:  # the engine refuses it; it may be any text
        del origin["reasoning_effort"]
    return {"disclaimer": record.origin.disclaimer, **origin}


def answer_of(record: RequestRecord) -> Json:
    """Return the facts of the answer, as far as they are known."""
    answer = record.answer
    if answer is None:
        begun: Json = {"stream": record.stream, "warnings": sorted(set(record.screening_warnings))}
        if record.prompt_estimate:  # the engine worked, and nobody saw what came
            begun |= {"prompt_tokens": record.prompt_estimate, "tokens_estimated": True}
        return begun
    return {
        "stream": record.stream,
        "output_digests": answer.output_digests,
        "system_fingerprint": answer.system_fingerprint,
        "prompt_tokens": answer.prompt_tokens,
        "completion_tokens": answer.completion_tokens,
        "tokens_estimated": answer.is_estimated or None,
        "truncated": answer.truncated[-1] if answer.truncated else None,
        "warnings": answer.warnings and sorted(set(answer.warnings)),
    }


def known(fields: Json) -> Json:
    """Return the fields that are known and not empty; False and 0 are."""
    return {name: value for name, value in fields.items() if value or value == 0}


def lines_of(records: Sequence[RequestRecord], names: Pseudonyms) -> list[Json]:
    """Return the lines of a batch. Of callers without a valid key, one per batch is written and the
    rest are counted: else anybody could fill the disk."""
    unauthenticated = [record for record in records if is_unauthenticated(record)]
    written = [line_of(record, names) for record in records if not is_unauthenticated(record)]
    if unauthenticated:
        more = {"more_like_this": len(unauthenticated) - 1} if len(unauthenticated) > 1 else {}
        written.append(
            {**line_of(unauthenticated[-1], names), "client": None, "auth": None, **more}
        )
    return written


def is_unauthenticated(record: RequestRecord) -> bool:
    """Return whether the caller is unknown: no valid key, or a method that needs none. One whose
    key was withdrawn meanwhile is known."""
    refused = record.outcome in ("unauthorized", "method_not_allowed")
    return refused and record.principal.kind == "open"
