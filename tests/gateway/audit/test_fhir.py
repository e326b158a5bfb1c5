"""The export is valid FHIR, by a library that knows the standard."""

import warnings
from typing import Any

import pytest

from gateway.audit import fhir

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # the library's own, about pydantic
    from fhir.resources.R4B.auditevent import AuditEvent

REQUEST = {
    "seq": 7,
    "prev": "0" * 64,
    "mac": "1" * 64,
    "time": "2026-11-25T01:46:06.262Z",
    "kind": "request",
    "request_id": "r-1",
    "client": "ward-7",
    "auth": "key",
    "address": "10.0.0.7",
    "route": "/llm/generate",
    "status": 200,
    "outcome": "ok",
    "ms": 12.5,
    "model": "fake-model",
    "revision": None,
    "prompt_digest": "hmac-sha256:aa",
    "output_digests": ["hmac-sha256:bb", "hmac-sha256:cc"],
    "prompt_tokens": 5,
    "completion_tokens": 6,
    "stream": True,
    "truncated": "in_answer",
    "notices": 0,
}
STRANGER = {**REQUEST, "client": None, "auth": None, "status": 401, "outcome": "unauthorized"}
FEW = {name: REQUEST[name] for name in list(REQUEST)[:13]}
EVENTS = [
    {"seq": 1, "prev": "", "mac": "", "time": "2026-11-25T01:46:06.262Z", "kind": kind, **facts}
    for kind, facts in (
        ("start", {"gateway_version": "0.1.0"}),
        ("stop", {}),
        ("hold", {"by": "dr.x", "reason": "odd answers"}),
        ("release", {"by": "dr.x"}),
        ("rotation", {"previous": "audit.jsonl.000000000002"}),
        ("repair", {"torn_bytes": 5}),
        ("resumed", {}),
        ("gap", {"lost": 5}),
    )
]


@pytest.mark.parametrize("record", [REQUEST, STRANGER, FEW, *EVENTS])
def test_it_validates(record: dict[str, Any]) -> None:
    """Every kind of record. (The library has R4B: its AuditEvent is that of R4.)"""
    resource = fhir.audit_event(record)

    parsed = AuditEvent.model_validate(resource)
    assert parsed.recorded is not None
    assert parsed.recorded.isoformat().startswith("2026-11-25T01:46:06.262")


def test_who_what_and_how_it_ended() -> None:
    """In the elements that an auditor's tool reads."""
    resource = fhir.audit_event(REQUEST)

    assert resource["agent"][0]["who"]["identifier"]["value"] == "ward-7"
    assert resource["agent"][0]["network"] == {"address": "10.0.0.7", "type": "2"}
    assert resource["type"]["code"] == "rest"
    assert resource["outcome"] == "0"
    request, model = resource["entity"]
    assert request["what"]["identifier"]["value"] == "r-1"
    assert model["what"]["display"] == "fake-model"
    details = {one["type"]: one["valueString"] for one in model["detail"]}
    assert details["output_digests"] == "hmac-sha256:bb hmac-sha256:cc"
    assert details["completion_tokens"] == "6"
    assert details["notices"] == "0"
    assert "revision" not in details


@pytest.mark.parametrize(
    ("status", "ended", "outcome"),
    [
        (200, "ok", "0"),
        (429, "too_busy", "4"),
        (0, "client_gone", "4"),
        (200, "client_gone", "4"),
        (200, "engine_cut", "8"),
        (503, "engine_unavailable", "8"),
    ],
)
def test_outcomes(status: int, ended: str, outcome: str) -> None:
    """The caller's fault is minor, ours is serious, a stream that broke off is ours."""
    assert fhir.audit_event({**REQUEST, "status": status, "outcome": ended})["outcome"] == outcome
