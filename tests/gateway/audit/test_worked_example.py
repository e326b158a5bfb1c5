"""A clinician asks about a patient, over encrypted hops, and the auditors' own repository knows."""

import csv
import io
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from gateway.audit.patient_seal import PatientSeal
from gateway.audit.pseudonyms import Pseudonyms
from tests.fake_engine.process import FakeEngine
from tests.gateway.audit.conftest import KEY, Desk, lines, trail_settings
from tests.gateway.audit.repository import StrictRepository, agents_of, entities_of
from tests.gateway.auth.conftest import AUDIENCE, ISSUER, Signer, bearer, jwks
from tests.gateway.engine.forwarder import Forwarder
from tests.gateway.engine.test_tls import context_of
from tests.gateway.server.certificates import Authority
from tests.gateway.server.test_tls import serving, trusting
from tests.waiting import PATIENCE_S, until

QUESTION, ANSWER = "zebrafish7731", "okapi4242"
PERSON, PATIENT = "Practitioner/dr.weber", "MRN-quagga-0042"
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


OWN_KEY = "p" * 32
IDENTIFIED = {"MMHIE_AUDIT_FHIR_PATIENT": "identifier", "MMHIE_PSEUDONYM_KEY": OWN_KEY}


@dataclass
class Consultation:
    """One question of a clinician, and all that was seen of it."""

    answer: httpx2.Response
    metrics: str
    repository: StrictRepository
    wire: bytearray


@pytest.fixture(params=[{}])
def consultation(
    tmp_path: Path, engine: FakeEngine, path: Path, request: pytest.FixtureRequest
) -> Consultation:
    """In production, each hop by TLS: from the clinician, to the engine, to the repository."""
    ours, signer = Authority(tmp_path, "ours"), Signer.rsa()
    (tmp_path / "jwks.json").write_bytes(jwks(signer))
    engine.next(fault="say", tokens=[ANSWER])
    with (
        Forwarder(engine.url, context_of(ours.issue("engine"))) as secure,
        Forwarder(f"https://127.0.0.1:{secure.port}") as wire,
        StrictRepository(context=context_of(ours.issue("repository"))) as repository,
        serving(
            tmp_path,
            engine,
            ours.issue("gateway"),
            MMHIE_ENV="production",
            MMHIE_ENGINE_URL=f"https://localhost:{wire.port}",
            MMHIE_CA_FILE=str(ours.path),
            MMHIE_JWKS_FILE=str(tmp_path / "jwks.json"),
            MMHIE_JWT_ISSUER=ISSUER,
            MMHIE_JWT_AUDIENCE=AUDIENCE,
            MMHIE_REQUIRED_CONTEXT="user,purpose",
            **trail_settings(path),
            MMHIE_DIGEST_KEY="d" * 64,
            MMHIE_AUDIT_FHIR_URL=repository.url,
            **request.param,
        ) as gateway,
        httpx2.Client(
            base_url=f"https://localhost:{gateway.port}",
            verify=trusting(ours),
            timeout=PATIENCE_S,
            trust_env=False,
        ) as client,
    ):
        until(lambda: client.get("/readyz").status_code == 200)
        clinician = bearer(signer.sign(fhirUser=PERSON, patient=PATIENT, purpose_of_use="TREAT"))
        scraper = bearer(signer.sign(scope="metrics"))
        answer = client.post(
            "/llm/generate",
            json={"prompt": f"What of {QUESTION}?"},
            headers={**clinician, "traceparent": TRACE},
        )
        until(lambda: PERSON in str(repository.events))
        return Consultation(
            answer, client.get("/metrics", headers=scraper).text, repository, wire.read
        )


def test_the_auditors_know_and_nobody_reads_a_word(
    consultation: Consultation, engine: FakeEngine, desk: Desk
) -> None:
    """The event validates at the repository and has person, patient, purpose and answer; the table
    of persons counts it; no text and no identifier of the patient is in a file or on a wire."""
    event = next(event for event in consultation.repository.events if PERSON in str(event))
    (user,), (patient,) = agents_of(event, "AUT"), entities_of(event, "1")
    (data,), (trace,) = entities_of(event, "2"), entities_of(event, "4")
    details = {detail["type"]: detail["valueString"] for detail in data["detail"]}
    answer = consultation.answer.json()
    table = csv.DictReader(io.StringIO(desk.run("audit", "export", "--count-by", "person")[0]))
    (counted,) = (row for row in table if row["person"] == PERSON)

    assert ANSWER in answer["text"]
    assert event["meta"]["profile"][0].endswith("IHE.BasicAudit.PatientCreate")
    assert user["who"]["identifier"]["value"] == PERSON
    assert user["purposeOfUse"][0]["coding"][0]["code"] == "TREAT"
    assert patient["what"]["identifier"]["value"] == Pseudonyms.of(KEY).patient(PATIENT)
    assert data["what"]["identifier"]["value"] == answer["request_id"]
    assert details["output_digests"] == answer["mmhie"]["provenance"]["output_digest"]
    assert trace["what"]["identifier"]["value"] == TRACE
    assert (counted["requests"], counted["refused"]) == ("1", "0")
    places: dict[str, bytes] = {
        "feed": bytes(consultation.repository.raw),
        "wire": bytes(consultation.wire),
        "metrics": consultation.metrics.encode(),
        "engine": str(engine.seen()).replace(QUESTION, "").encode(),
    }
    places |= {file.name: file.read_bytes() for file in desk.path.parent.iterdir()}
    for name, content in places.items():
        for secret in (QUESTION, ANSWER, PATIENT):
            assert secret.encode() not in content, name
        assert (PERSON.encode() in content) == (name in ("audit.jsonl", "feed")), name


@pytest.mark.parametrize("consultation", [IDENTIFIED], indirect=True)
def test_a_trusted_repository_finds_the_patient(consultation: Consultation, desk: Desk) -> None:
    """By the identifier as it was sent; no file of the gateway has it, and who only verifies the
    trail cannot open it."""
    event = next(event for event in consultation.repository.events if PERSON in str(event))
    (patient,) = entities_of(event, "1")
    (line,) = (line for line in lines(desk.path) if line.get("user") == PERSON)

    assert patient["what"] == {"type": "Patient", "identifier": {"value": PATIENT}}
    assert Pseudonyms.of(KEY, OWN_KEY).patient(PATIENT) == line["patient"]
    assert PatientSeal(KEY).open(line) == line
    assert PatientSeal(OWN_KEY).open(line)["patient_identifier"] == PATIENT
    assert "patient_sealed" not in str(event)
    for file in desk.path.parent.iterdir():
        assert PATIENT.encode() not in file.read_bytes(), file.name
