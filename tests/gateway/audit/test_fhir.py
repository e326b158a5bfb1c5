"""The export is valid FHIR, by a library that knows the standard, and keeps to the two guides."""

import contextlib
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from gateway.audit.chain import START, new_mac, parse_line, signed_line
from gateway.audit.fhir.audit_event import CREATE, audit_event
from gateway.audit.fhir.export import Export, sign_offs_in
from gateway.audit.fhir.transparency import AI, ASSERTED, GUIDE
from tests.contract.fixtures import Start
from tests.contract.surfaces import SURFACES
from tests.fake_engine.process import FakeEngine
from tests.gateway.audit.conftest import KEY, REQUEST_LINE, lines
from tests.gateway.audit.repository import agents_of, check_profile, entities_of
from tests.gateway.audit.test_gateway import JSON, SSE, Audited

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # the library's own, about pydantic
    from fhir.resources.R4B.auditevent import AuditEvent
    from fhir.resources.R4B.detectedissue import DetectedIssue
    from fhir.resources.R4B.device import Device
    from fhir.resources.R4B.provenance import Provenance

# The library has R4B, in which these are as in R4.
MODELS = {model.__name__: model for model in (AuditEvent, DetectedIssue, Device, Provenance)}
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
    "purpose": ["TREAT", "ETREAT"],
    "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
}
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


@pytest.mark.parametrize("record", [REQUEST, CARE, STRANGER, OLD, UNPRINTABLE, *EVENTS])
def test_it_validates(record: dict[str, Any]) -> None:
    """Every kind of record, with names nobody would choose and lines of an older gateway."""
    for resource in Export().resources(record):
        valid(resource)


@pytest.mark.parametrize("route", ["/tokenize", "/detokenize", "/v1/messages/count_tokens"])
def test_a_count_is_no_answer(route: str) -> None:
    """It creates nothing, and no model is its author."""
    (event,) = Export().resources({**REQUEST, "route": route, "stream": False})

    assert valid(event)["action"] == "E"
    assert "profile" not in event["meta"]
    assert {"type": "stream", "valueString": "false"} in event["entity"][-1]["detail"]


def test_an_answer_has_an_id_of_the_gateway_s_own() -> None:
    """Two answers to requests with one X-Request-Id are two."""
    records = [{**REQUEST, "request_id": own, "caller_request_id": "same"} for own in ("a", "b")]
    _, *resources = [each for record in records for each in [*Export().resources(record)][-2:]]
    text = str(resources)

    for own in ("a", "b"):
        assert f"{{'system': 'urn:mmhie:answer', 'value': '{own}'}}" in text
    assert "'urn:mmhie:answer', 'value': 'same'" not in text
    assert "'value': 'same'" in text  # the X-Request-Id


@pytest.fixture
def happened(start: Start, engine: FakeEngine, tmp_path: Path) -> list[dict[str, Any]]:
    """The records of a gateway to which everything has happened."""
    audited = Audited(tmp_path, start, engine.url)
    for surface in SURFACES:
        audited.ask(surface, EMERGENCY, **surface.limit(3))
        audited.ask(surface)
        for fault in ("cut", "status", "error_midstream"):
            engine.next(fault=fault)
            with contextlib.suppress(httpx2.TransportError):
                audited.ask(surface, EMERGENCY)
    engine.next(fault="reasoning_only")
    audited.ask(JSON)
    engine.next(fault="hang_before_headers", seconds=5)
    audited.ask(JSON)
    audited.ask(JSON, temperature=99)
    audited.ask(SURFACES[4], model="other")
    engine.next({"fault": "endless"}, {"fault": "slow_tokens", "seconds": 0.02})
    body, headers = SSE.body(), audited.headers
    with audited.gateway.client.stream("POST", SSE.path, json=body, headers=headers) as answer:
        next(answer.iter_bytes())
    for path in ("/v1/models", "/nowhere"):
        audited.gateway.client.get(path, headers=headers)
    audited.gateway.client.get("/v1/models")
    audited.gateway.stop()
    return lines(audited.trail)


def test_all_that_can_happen_is_valid(happened: list[dict[str, Any]]) -> None:
    """Answered, cut, refused, broken, left, unknown: each validates, and its ids are its own."""
    seen = {record.get("outcome") for record in happened}
    wanted = {"ok", "engine_cut", "engine_rejected", "no_answer", "engine_timeout", "client_gone"}
    assert seen >= wanted | {"invalid_request", "model_not_found", "not_found", "unauthorized"}
    export = Export()
    resources = [valid(resource) for record in happened for resource in export.resources(record)]

    ids = Counter((resource["resourceType"], resource["id"]) for resource in resources)
    assert max(ids.values()) == 1
    devices = {f"Device/{each['id']}" for each in resources if each["resourceType"] == "Device"}
    provenances = [each for each in resources if each["resourceType"] == "Provenance"]
    assert {each["agent"][0]["who"]["reference"] for each in provenances} == devices
    answered = [each for each in happened if each.get("model") and each.get("status") == 200]
    assert len(provenances) == len(answered)
    for resource in provenances:
        check_provenance(resource)
    claims = [each for each in resources if CREATE in each.get("meta", {}).get("profile", ())]
    assert len(claims) == sum(record["outcome"] == "ok" for record in answered)
    for resource in claims:
        check_profile(resource)


def check_provenance(resource: dict[str, Any]) -> None:
    """AI Transparency on FHIR, profile AI-Provenance (input/fsh/AIProvenance.fsh)."""
    assert resource["meta"]["profile"] == [f"{GUIDE}/StructureDefinition/AI-Provenance"]
    assert resource["target"]
    assert resource["reason"] == [{"coding": [ASSERTED]}]
    (agent,) = resource["agent"]
    assert agent["role"] == [AI]
    assert agent["type"]["coding"][0]["code"] == "author"
    assert [entry["role"] for entry in resource["entity"]] == ["derivation"]


def test_a_device_is_an_ai_device() -> None:
    """AI Transparency on FHIR, profile AI-Device (input/fsh/AIDevice.fsh); it comes once."""
    export = Export()
    device, event, provenance = export.resources({**REQUEST, "revision": "abc"})
    again = [each["resourceType"] for each in export.resources({**REQUEST, "revision": "abc"})]
    other, *_ = export.resources({**REQUEST, "revision": "abd"})

    assert again == ["AuditEvent", "Provenance"]
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


def test_who_what_and_how_it_ended() -> None:
    """In the elements that an auditor's tool reads."""
    resource = audit_event(REQUEST)

    client, server = resource["agent"]
    assert client["who"]["identifier"]["value"] == "ward-7"
    assert client["network"] == {"address": "10.0.0.7", "type": "2"}
    assert server["network"] == {"address": "gpu-7", "type": "1"}
    assert resource["recorded"] == TIME
    assert resource["outcome"] == "0"
    request, answer = resource["entity"]
    assert request["what"]["identifier"]["value"] == "r-1"
    assert answer["what"]["display"] == "fake-model"
    details = {detail["type"]: detail["valueString"] for detail in answer["detail"]}
    assert details["output_digests"] == "hmac-sha256:bb hmac-sha256:cc"
    assert details["sampling"] == "temperature=0.0 max_tokens=7"
    assert details["notices"] == "MED101 MED113"
    assert not {"mac", "client", "revision"} & set(details)


# The elements of BALP's published example of a create for a patient (ex-auditBasicCreate in
# input/fsh/ex-patientCreate.fsh), without the mark of a test (`meta.security`).
EXAMPLE = {"type", "action", "subtype", "recorded", "outcome", "source", "agent", "entity"}
EXAMPLE_SLICES = {
    "110152": {"type", "requestor", "who", "network"},
    "110153": {"type", "requestor", "who", "network"},
    "AUT": {"type", "requestor", "who"},
    "1": {"type", "role", "what"},
    "2": {"type", "role", "what"},
}


def test_a_person_asks_about_a_patient_for_a_purpose() -> None:
    """Each in the element that BALP has for it, and all that its published example has."""
    event = valid(audit_event(CARE))
    check_profile(event)
    parts = {code: agents_of(event, code) + entities_of(event, code) for code in EXAMPLE_SLICES}
    ((user,), (patient,), (trace,)) = (parts["AUT"], parts["1"], entities_of(event, "4"))
    purposes = [purpose["coding"][0]["code"] for purpose in user["purposeOfUse"]]

    assert event["meta"]["profile"][0].endswith("IHE.BasicAudit.PatientCreate")
    assert event.keys() >= EXAMPLE
    assert event["source"].keys() == {"site", "observer", "type"}
    for code, (part,) in parts.items():
        assert part.keys() >= EXAMPLE_SLICES[code]
    assert user["who"]["identifier"]["value"] == "Practitioner/dr.weber"
    assert purposes == ["TREAT", "ETREAT"]
    assert event["purposeOfEvent"] == user["purposeOfUse"]
    assert patient["what"]["identifier"]["value"] == "patient:83d1"
    assert trace["what"]["identifier"]["value"] == CARE["traceparent"]
    assert "dr.weber" not in str(event["entity"])


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
    (_, _, provenance) = map(valid, Export({"r-1": signed}).resources(REQUEST))
    assert len(provenance["agent"]) == 3
    assert provenance["agent"][1]["who"] == {"display": "unknown"}
