"""Feedback over HTTP: a gateway with keys and a trail, as a clinic would run it."""

import contextlib
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mmhie import LLMConfig, MedicalReasoningLLM, RequestError

from gateway.audit.fhir.export import resources_of, sign_offs_in
from gateway.feedback.entry import LONGEST_COMMENT, LONGEST_CORRECTION
from gateway.feedback.store import Store
from tests.contract.fixtures import Refusal
from tests.contract.process import Gateway
from tests.contract.surfaces import SURFACES, Surface, error_of, name_of
from tests.fake_engine.process import FakeEngine
from tests.gateway.audit.conftest import KEY, trail_settings
from tests.gateway.auth.conftest import add_key, bearer
from tests.gateway.vault.conftest import key_pair
from tests.waiting import PATIENCE_S, until

PATH = "/v1/mmhie/feedback"
CANARY = "zebrafish7731"
SCRIPT = f"<script>alert('{CANARY}')</script>\x1b[2J"
SIGN_OFF: dict[str, Any] = {"category": "signed_off", "severity": None}
SCOPES = {
    "ward": ("generate", "openai", "feedback"),
    "clinic": ("generate", "openai", "feedback"),
    "silent": ("generate",),
    "reviewers": ("feedback", "sign_off", "admin", "on_behalf"),
    "example": ("feedback", "sign_off", "admin", "on_behalf"),
    "other": ("feedback", "sign_off", "admin"),
}
PERSONS = {"example": ("Dr Example",), "other": ("Dr Other",)}


class Clinic:
    """A gateway, the keys of its callers, its trail and its database."""

    def __init__(self, folder: Path, url: str) -> None:
        self.trail, self.file = folder / "audit.jsonl", folder / "feedback.db"
        keys = folder / "keys.json"
        self.keys = {
            name: add_key(keys, name, *scopes, users=PERSONS.get(name, ()))
            for name, scopes in SCOPES.items()
        }
        self.gateway = Gateway(
            folder,
            url,
            MMHIE_KEYS_FILE=str(keys),
            **trail_settings(self.trail),
            MMHIE_FEEDBACK_FILE=str(self.file),
            MMHIE_VAULT_PUBLIC_KEY=str(key_pair(folder).public),
        )

    def ask(self, surface: Surface = SURFACES[0], who: str = "ward", chosen: str = "") -> str:
        """The request id of an answer, over a connection of its own."""
        own = {"x-request-id": chosen} if chosen else {}
        sent = {**surface.headers, **bearer(self.keys[who]), **own}
        answer = self.post(surface.path, surface.body("Why?"), sent)
        assert answer.status_code == 200
        return answer.headers["x-request-id"]

    def flag(
        self,
        answer_id: str,
        who: str = "ward",
        headers: dict[str, str] | None = None,
        **fields: Any,
    ) -> httpx2.Response:
        body = {"request_id": answer_id, "category": "incorrect", "severity": "low", **fields}
        body = {name: value for name, value in body.items() if value is not None}
        return self.post(PATH, body, bearer(self.keys[who]) | (headers or {}))

    def post(self, path: str, body: Any, headers: dict[str, str]) -> httpx2.Response:
        url = self.gateway.url + path
        return httpx2.post(url, json=body, headers=headers, timeout=PATIENCE_S, trust_env=False)

    def records(self) -> list[dict[str, Any]]:
        """The whole lines of the trail."""
        whole = self.trail.read_bytes().rpartition(b"\n")[0]
        return [json.loads(line) for line in whole.splitlines()]

    def counted(self) -> float:
        """The feedback that was counted."""
        lines = self.gateway.client.get("/metrics").text.splitlines()
        counts = [line for line in lines if line.startswith("mmhie_feedback_total{")]
        return sum(float(line.rpartition(" ")[2]) for line in counts)

    def events(self, receipt: Any) -> list[dict[str, Any]]:
        """The events of the trail that name this feedback."""
        return [record for record in self.records() if record.get("feedback_id") == receipt["id"]]


@pytest.fixture(scope="module")
def clinic(the_engine: FakeEngine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clinic]:
    opened = Clinic(tmp_path_factory.mktemp("clinic"), the_engine.url)
    with opened.gateway.wait():
        yield opened


@pytest.mark.parametrize("surface", SURFACES, ids=name_of)
def test_an_answer_of_every_surface_is_flagged(
    clinic: Clinic, engine: FakeEngine, surface: Surface
) -> None:
    """By the id in its header; the trail names ids and kinds."""
    request_id = clinic.ask(surface)
    answer = clinic.flag(request_id, category="unsafe", severity="high", comment=CANARY)
    receipt = answer.json()

    assert answer.status_code == 200, answer.text
    assert receipt["request_id"] == request_id
    assert (receipt["duplicate"], receipt["audited"]) == (False, True)
    until(lambda: clinic.events(receipt))
    (event,) = clinic.events(receipt)
    assert (event["kind"], event["request_id"], event["client"]) == ("feedback", request_id, "ward")
    assert (event["category"], event["severity"]) == ("unsafe", "high")


def test_no_text_leaves_the_database(clinic: Clinic, engine: FakeEngine) -> None:
    """Neither in the response, the trail, the log, nor readable in the database itself."""
    request_id = clinic.ask()
    answer = clinic.flag(request_id, comment=SCRIPT, corrected_text=f"{CANARY} 5 mg")

    assert answer.status_code == 200
    assert CANARY not in answer.text
    until(lambda: clinic.events(answer.json()))
    for path in (clinic.trail, clinic.gateway.log_file, *clinic.file.parent.glob("feedback.db*")):
        assert CANARY.encode() not in path.read_bytes(), path


def test_the_same_twice(clinic: Clinic, engine: FakeEngine) -> None:
    """It is kept once, counted once and audited once; something else about it is kept, too."""
    request_id = clinic.ask()
    before = clinic.counted()
    first, again = (clinic.flag(request_id, comment="Wrong.").json() for _ in range(2))
    other = clinic.flag(request_id, comment="Wrong again.").json()

    assert (first["id"], again["duplicate"]) == (again["id"], True)
    assert (other["duplicate"], other["id"] == first["id"]) == (False, False)
    assert clinic.counted() == before + 2


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"comment": "x" * (LONGEST_COMMENT + 1)}, 422),
        ({"corrected_text": "x" * (LONGEST_CORRECTION + 1)}, 422),
        ({"comment": "x" * 2**20}, 413),
        ({"category": CANARY}, 422),
        ({"severity": None}, 422),
        ({"category": "signed_off"}, 422),
        ({"request_id": f"{CANARY} x"}, 422),
        ({CANARY: 1}, 422),
    ],
)
def test_what_cannot_be_taken(clinic: Clinic, fields: dict[str, Any], status: int) -> None:
    """An error that quotes nothing."""
    answer = clinic.flag("r-1", **fields)

    assert answer.status_code == status
    assert CANARY not in error_of(answer)["message"]


def test_a_key_without_the_scope(clinic: Clinic, engine: FakeEngine) -> None:
    """A key without the scope gets 403, which names it."""
    request_id = clinic.ask(who="silent")
    error = error_of(clinic.flag(request_id, "silent"))

    assert error["code"] == "forbidden"
    assert "`feedback`" in error["message"]


def test_a_sign_off_needs_its_scope_and_a_name(clinic: Clinic, engine: FakeEngine) -> None:
    """`feedback` alone does not do, nor a key that is nobody's, nor a name that anybody may send in
    a header or a field."""
    request_id = clinic.ask()
    claims = {"X-MMHIE-User": "Dr Example"}
    lacking = error_of(clinic.flag(request_id, **SIGN_OFF))
    nobody = [
        error_of(clinic.flag(request_id, "reviewers", headers, **SIGN_OFF))
        for headers in (None, claims)
    ]
    another = clinic.flag(request_id, "example", {"X-MMHIE-User": "Dr Other"}, **SIGN_OFF)
    field = clinic.flag(request_id, "example", reviewer="Dr Other", **SIGN_OFF)

    assert (lacking["code"], "`sign_off`" in lacking["message"]) == ("forbidden", True)
    for error in nobody:
        assert (error["code"], "--user" in error["message"]) == ("forbidden", True)
    assert (another.status_code, field.status_code) == (403, 422)
    assert clinic.flag(request_id, "example", claims, **SIGN_OFF).status_code == 200


def provenances(records: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The exported Provenance resources of a trail, by the request that they are of."""
    return {
        resource["target"][0]["identifier"]["value"]: resource
        for resource in resources_of(records, sign_offs_in(records))
        if resource["resourceType"] == "Provenance"
    }


def test_a_sign_off_changes_the_label(clinic: Clinic, engine: FakeEngine) -> None:
    """The exported Provenance of the answer names its verifier and that a clinician stands by it;
    another answer's does not."""
    signed, other = clinic.ask(), clinic.ask()
    receipt = clinic.flag(signed, "example", **SIGN_OFF).json()

    until(lambda: clinic.events(receipt))
    until(lambda: {signed, other} <= provenances(clinic.records()).keys())
    labels = provenances(clinic.records())
    codes = [reason["coding"][0]["code"] for reason in labels[signed]["reason"]]
    assert codes == ["AIAST", "CLINAST"]
    verifier = labels[signed]["agent"][1]
    assert verifier["type"]["coding"][0]["code"] == "verifier"
    assert verifier["who"]["identifier"]["value"] == "Dr Example"
    assert len(labels[other]["reason"]) == len(labels[other]["agent"]) == 1


def test_each_clinician_signs_off(clinic: Clinic, engine: FakeEngine) -> None:
    """The second is no repetition of the first; the trail and the database name both."""
    request_id = clinic.ask()
    whose = ("example", "other", "example")
    told = [clinic.flag(request_id, who, **SIGN_OFF).json() for who in whose]

    assert [receipt["duplicate"] for receipt in told] == [False, False, True]
    until(lambda: clinic.events(told[0]) and clinic.events(told[1]))
    sign_offs = sign_offs_in(clinic.records())[request_id]
    assert sorted(signed["reviewer"] for signed in sign_offs) == ["Dr Example", "Dr Other"]
    with contextlib.closing(Store(clinic.file, KEY)) as store:
        kept = [entry.document() for entry in store.entries()]
    who = [entry["reviewer"] for entry in kept if entry["request_id"] == request_id]
    assert who == ["Dr Example", "Dr Other"]


def test_a_database_that_another_holds(clinic: Clinic, engine: FakeEngine) -> None:
    """503, which says to keep the text; the same again is taken when it is free."""
    request_id = clinic.ask()
    clinic.flag(request_id, category="other")  # by now the answer is on the disk
    holder = sqlite3.connect(clinic.file, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    refused = clinic.flag(request_id, comment=CANARY)
    holder.close()
    taken = clinic.flag(request_id, comment=CANARY)

    error = error_of(refused)
    assert (refused.status_code, error["code"]) == (503, "feedback_unavailable")
    assert "retry-after" in refused.headers
    assert (taken.status_code, taken.json()["duplicate"]) == (200, False)


def test_the_sdk_flags(clinic: Clinic, engine: FakeEngine) -> None:
    """The id of an answer in, a receipt out; an unknown one has its class."""
    config = LLMConfig(url=clinic.gateway.url, api_key=clinic.keys["ward"])
    with MedicalReasoningLLM(config) as llm:
        text = llm.generate("Why?")
        assert text.request_id is not None
        receipt = llm.feedback(text.request_id, "omission", "moderate", comment="Dose?")
        assert (receipt.request_id, receipt.audited) == (text.request_id, True)
        with pytest.raises(RequestError) as unknown:
            llm.feedback("f" * 32, "omission", "low")

    assert (unknown.value.code, unknown.value.param) == ("answer_not_found", "request_id")


def test_where_no_feedback_is_taken(gateway: Gateway) -> None:
    """501, with the setting that would take it."""
    answer = gateway.client.post(PATH, json={"request_id": "r-1", "category": "other"})

    assert answer.status_code == 501
    assert "MMHIE_FEEDBACK_FILE" in error_of(answer)["message"]


def test_rows_are_signed(refusal: Refusal) -> None:
    """Without the key no gateway starts that would take feedback."""
    assert "needs MMHIE_AUDIT_KEY" in refusal(MMHIE_FEEDBACK_FILE="feedback.db")
