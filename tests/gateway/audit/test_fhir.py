"""The export is valid FHIR, by a library that knows the standard, and keeps to the two guides."""

import warnings
from collections.abc import Iterator
from typing import Any

import pytest

from gateway.audit.chain import START, new_mac, parse_line, signed_line
from gateway.audit.fhir.audit_event import NHS_NUMBER_SYSTEM, audit_event
from gateway.audit.fhir.export import resources_of, sign_offs_in
from gateway.audit.fhir.transparency import AI
from tests.gateway.audit.conftest import KEY, REQUEST_LINE

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # the library's own, about pydantic
    from fhir.resources.R4B.auditevent import AuditEvent
    from fhir.resources.R4B.device import Device
    from fhir.resources.R4B.provenance import Provenance

# The library has R4B, in which these are as in R4.
MODELS = {model.__name__: model for model in (AuditEvent, Device, Provenance)}
EMERGENCY = "I have crushing chest pain."
TIME = REQUEST_LINE["time"]
REQUEST = {
    "seq": 7,
    "prev": "0" * 64,
    "mac": "1" * 64,
    **REQUEST_LINE,
    "notices": ["MED101", "MED113"],
    "output_digests": ["hmac-sha256:bb", "hmac-sha256:cc"],
}
CARE = {
    **REQUEST,
    "user": "Practitioner/dr.weber",
    "patient": "patient:83d1",
    "purpose": ["TREAT", "ETREAT", "urn:oid:1.2.3|TREAT"],
    "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
}
TOKEN = {
    "fhir_user": "Practitioner/7",
    "jti": "t-1",
    "subject_name": "Dr. Jane",
    "subject_role": "1.2|7",
    "subject_organization": "Ward 7 Ltd",
    "home_community_id": "urn:oid:1.2.3",
}
BY_TOKEN = {**CARE, **TOKEN, "user": "Practitioner/7", "user_source": "token"}
STRANGER = {**REQUEST, "client": None, "auth": None, "status": 401, "outcome": "unauthorized"}
OLD = {name: REQUEST[name] for name in REQUEST if name != "host"} | {"output_digests": []}
EVENTS = [
    {"seq": 1, "prev": "", "mac": "2" * 64, "time": TIME, "kind": kind, **facts}
    for kind, facts in (
        ("start", {"gateway_version": "0.1.0", "host": "gpu-7"}),
        ("stop", {}),
        ("hold", {"by": "dr.x", "reason": "odd\x1b answers"}),
        ("hold", {"by": " ", "reason": ""}),
        ("release", {"by": "dr.x"}),
        ("query", {"by": "dr.x", "patient": "patient:83d1"}),
        ("rotation", {"previous": "audit.jsonl.000000000002"}),
        ("repair", {"torn_bytes": 5}),
        ("resumed", {}),
        ("gap", {"lost": 5}),
        ("feedback", {"feedback_id": "fb-1", "request_id": "r-1", "client": "ward-7"}),
        ("feedback_closed", {"feedback_id": "fb-1", "by": "dr.x", "outcome": "unfounded"}),
        ("unfinished", {"since": TIME, "client": "ward-7", "address": None, "notices": ["MED101"]}),
    )
]
UNPRINTABLE = {**REQUEST, "client": "\x00\x0b\u2028", "host": "", "address": None}


def valid(resource: dict[str, Any]) -> dict[str, Any]:
    """A resource that the library takes."""
    MODELS[resource["resourceType"]].model_validate(resource)
    return resource


@pytest.mark.parametrize("record", [REQUEST, CARE, BY_TOKEN, STRANGER, OLD, UNPRINTABLE, *EVENTS])
def test_it_validates(record: dict[str, Any]) -> None:
    """Every kind of record, with names nobody would choose and lines of an older gateway."""
    for resource in resources_of([record]):
        valid(resource)


@pytest.mark.parametrize(
    ("record", "people"),
    [
        (BY_TOKEN, [("AUT IRCP", "Practitioner/7", True)]),
        (
            {**BY_TOKEN, "user": "dr.x", "user_source": "header"},
            [("AUT", "dr.x", False), ("IRCP", "Practitioner/7", True)],
        ),
        ({**REQUEST, "jti": "t-1"}, [("IRCP", REQUEST_LINE["client"], True)]),
        (CARE, [("AUT", CARE["user"], True)]),
    ],
)
def test_a_claimed_person_is_no_verified_one(
    record: dict[str, Any], people: list[tuple[str, str, bool]]
) -> None:
    """BALP has the token's person as an agent of its own, with the id of the token."""
    agents = valid(audit_event(record))["agent"]
    codes = [" ".join(code["code"] for code in agent["type"]["coding"]) for agent in agents]
    shown = [
        (code, agent["who"]["identifier"]["value"], agent["requestor"])
        for code, agent in zip(codes, agents, strict=True)
        if code in {"AUT", "IRCP", "AUT IRCP"}
    ]

    assert shown == people
    assert [agent["requestor"] for agent in agents].count(True) == 1
    policies = [agent["policy"] for agent in agents if "policy" in agent]
    assert policies == ([["t-1"]] if "jti" in record else [])


def test_what_a_token_says_has_its_place() -> None:
    """Name and role of the person, its organisation and community; none is a detail, too."""
    event = valid(audit_event(BY_TOKEN))
    person, organisation, community = event["agent"][2:]

    assert (person["name"], person["who"]["display"]) == ("Dr. Jane", "Dr. Jane")
    assert person["role"] == [{"text": "1.2|7"}]
    assert organisation["who"]["display"] == "Ward 7 Ltd"
    assert community["who"]["identifier"]["value"] == "urn:oid:1.2.3"
    details = {detail["type"] for detail in event["entity"][-1]["detail"]}
    assert details.isdisjoint(TOKEN)


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("mrn-1", {"identifier": {"value": "mrn-1"}}),
        ("943 476 5919", {"identifier": {"system": NHS_NUMBER_SYSTEM, "value": "9434765919"}}),
        ("x1^^^A&1.2.3&ISO", {"identifier": {"system": "urn:oid:1.2.3", "value": "x1"}}),
        ("urn:oid:1.2.3|x1", {"identifier": {"system": "urn:oid:1.2.3", "value": "x1"}}),
        ("https://a/mrn|x1", {"identifier": {"system": "https://a/mrn", "value": "x1"}}),
        ("7^^^WARD", {"identifier": {"assigner": {"display": "WARD"}, "value": "7"}}),
        ("Patient/7", {"reference": "Patient/7"}),
        ("https://a/Patient/7/_history/2", {"reference": "https://a/Patient/7"}),
        ("^", {"identifier": {"value": "^"}}),
        # No FHIR server takes these as references or as URIs.
        ("Patient/a b", {"identifier": {"assigner": {"display": "Patient"}, "value": "a b"}}),
        (
            "a b/Patient/7",
            {"identifier": {"assigner": {"display": "a b"}, "value": "7"}},
        ),
        (
            "/_history/2/Patient/7'",
            {"identifier": {"assigner": {"display": "/_history/2"}, "value": "7'"}},
        ),
        ("a: b|7", {"identifier": {"assigner": {"display": "a: b"}, "value": "7"}}),
        ("7^^^ &", {"identifier": {"value": "7"}}),
        (
            "Patient/ /_history/2",
            {"identifier": {"assigner": {"display": "Patient"}, "value": "Patient/ /_history/2"}},
        ),
        (" ", {"identifier": {"system": "urn:mmhie:patient", "value": "patient:83d1"}}),
    ],
)
def test_a_patient_is_named_as_the_caller_did(text: str, reference: dict[str, Any]) -> None:
    """A repository compares systems and values letter for letter."""
    event = valid(audit_event({**CARE, "patient_identifier": text, "patient_sealed": "c2VhbGVk"}))
    (what,) = (row["what"] for row in event["entity"] if row["what"].get("type") == "Patient")

    assert what == {"type": "Patient", **reference}
    assert "c2VhbGVk" not in str(event)


def test_a_count_is_no_answer() -> None:
    """It creates nothing, and no model is its author."""
    (event,) = resources_of([{**REQUEST, "route": "/tokenize"}])

    assert valid(event)["action"] == "E"
    assert "profile" not in event["meta"]


def test_a_device_is_an_ai_device() -> None:
    """AI Transparency on FHIR, profile AI-Device (input/fsh/AIDevice.fsh); it comes once."""
    records = [{**REQUEST, "revision": revision} for revision in ("abc", "abc", "abd")]
    device, event, provenance, *again, other, _, _ = resources_of(records)

    assert [each["resourceType"] for each in again] == ["AuditEvent", "Provenance"]
    assert device["type"] == AI
    (kind,) = device["extension"]
    assert kind["valueCodeableConcept"]["coding"][0]["code"] == "Large-Language-Models"
    assert {"type": {"text": "revision"}, "value": "abc"} in device["version"]
    assert other["id"] != device["id"]
    assert event["id"] == provenance["id"]
    values = [target["identifier"]["value"] for target in provenance["target"]]
    assert values == ["r-1", "hmac-sha256:bb", "hmac-sha256:cc"]


def test_gateways_do_not_share_ids() -> None:
    """Two trails under one key, begun in the same millisecond, are told apart by their host."""

    def trail(host: str) -> Iterator[dict[str, Any]]:
        head, mac = START, new_mac(KEY)
        for kind in ("start", "stop"):
            line, head = signed_line({"time": TIME, "kind": kind, "host": host}, head, mac)
            parsed = parse_line(line.rstrip(b"\n"), mac)
            assert parsed is not None
            yield parsed.record

    ids = [audit_event(record)["id"] for host in ("a", "b") for record in trail(host)]
    assert len(set(ids)) == 4


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
    event = audit_event({**REQUEST, "status": status, "outcome": ended})

    assert event["outcome"] == outcome
    assert ("profile" in event["meta"]) == (ended == "ok")


def test_a_sign_off_that_was_unfounded() -> None:
    """It no longer counts; another one of the same answer does."""
    signed = [
        {"kind": "feedback", "category": "signed_off", "feedback_id": name, "request_id": "r-1"}
        for name in ("fb-1", "fb-2")
    ]
    flag = {"kind": "feedback", "category": "unsafe", "feedback_id": "fb-3", "request_id": "r-1"}
    closed = {"kind": "feedback_closed", "feedback_id": "fb-1", "outcome": "unfounded"}

    assert sign_offs_in([*signed, flag, closed]) == {"r-1": [signed[1]]}
    (_, _, provenance) = map(valid, resources_of([REQUEST], {"r-1": signed}))
    assert len(provenance["agent"]) == 3
    assert provenance["agent"][1]["who"] == {"display": "unknown"}
