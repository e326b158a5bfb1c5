"""Person, patient and purpose: what is believed, what is refused, what the trail has of it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from gateway.audit.pseudonyms import Pseudonyms
from gateway.auth.care_context import CareClaims, read_context
from gateway.auth.purposes import PurposeTable
from gateway.errors import Unauthorized
from gateway.principal import CareContext, Principal, TokenFacts
from gateway.runtime.files import FileUnusable
from tests.contract.fixtures import Refusal
from tests.contract.process import Gateway
from tests.contract.surfaces import SURFACES, Surface, error_of, name_of
from tests.fake_engine.process import FakeEngine
from tests.gateway.audit.conftest import KEY, line_where, trail_settings
from tests.gateway.auth.conftest import Signer, add_key, bearer, jwks_settings
from tests.waiting import until

USER, PATIENT, PURPOSE = "X-MMHIE-User", "X-MMHIE-Patient", "X-MMHIE-Purpose"
EMAIL, FORWARDED = "X-OpenWebUI-User-Email", "X-Librechat-User"
CLAIMS = CareClaims(
    ("fhirUser", "sub"),
    ("patient", "extensions.ihe_iua.person_id"),
    ("https://hie.example/purpose", "purpose_of_use", "extensions.ihe_iua.purpose_of_use"),
)
SWISS, NHIN = "urn:oid:2.16.756.5.30.1.127.3.10.5", "2.16.840.1.113883.3.18.7.1"
TREAT = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "TREAT"}

EMERGENCY = "I have crushing chest pain and I am sweating."


class Exchange:
    """A gateway with a trail, keys of which one may speak for others, and a token provider."""

    def __init__(self, folder: Path, engine: FakeEngine, signer: Signer, **more: str) -> None:
        keys = folder / "keys.json"
        self.portal = bearer(add_key(keys, "portal", "generate", "openai", "on_behalf"))
        self.plain = bearer(add_key(keys, "plain", "generate", "openai"))
        self.signer, self.trail = signer, folder / "audit.jsonl"
        settings = {**jwks_settings(folder, signer), **trail_settings(self.trail), **more}
        self.gateway = Gateway(folder, engine.url, MMHIE_KEYS_FILE=str(keys), **settings).wait()

    def ask(
        self,
        headers: dict[str, str],
        *own: tuple[str, str | bytes],
        surface: Surface = SURFACES[0],
        **more: Any,
    ) -> httpx2.Response:
        """One request; some of its headers may be in any encoding, or several of one name."""
        named = (*surface.headers.items(), *headers.items(), *own)
        raw = [(name.encode(), v.encode() if isinstance(v, str) else v) for name, v in named]
        body = surface.body("Why?") | more
        return self.gateway.client.post(surface.path, json=body, headers=raw)

    def token(self, **claims: Any) -> dict[str, str]:
        return bearer(self.signer.sign(**claims))

    def line(self, answer: httpx2.Response) -> dict[str, Any]:
        """The line of a request in the trail."""
        return line_where(self.trail, request_id=answer.headers["x-request-id"])


@pytest.fixture(scope="module")
def exchange(
    tmp_path_factory: pytest.TempPathFactory, the_engine: FakeEngine, rsa_signer: Signer
) -> Iterator[Exchange]:
    """Behind two front ends that forward their users."""
    folder, users = tmp_path_factory.mktemp("exchange"), f"{EMAIL}, {FORWARDED}"
    made = Exchange(folder, the_engine, rsa_signer, MMHIE_USER_HEADERS=users)
    with made.gateway:
        yield made


def care_in(line: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(line.get(name) for name in ("client", "user", "patient", "purpose"))


@pytest.mark.parametrize("surface", SURFACES, ids=name_of)
def test_a_key_that_may_speak_for_others(
    exchange: Exchange, engine: FakeEngine, surface: Surface
) -> None:
    """On every surface: the person as given, the patient as a keyed name, the purpose; the engine
    gets none of them."""
    who = {USER: "Dr. Jürgen Weber", PATIENT: "MRN-0042", PURPOSE: "ETREAT"}
    answer = exchange.ask({**exchange.portal, **who}, surface=surface)
    line = exchange.line(answer)

    assert answer.status_code == 200
    name = Pseudonyms.of(KEY).patient("MRN-0042")
    assert care_in(line) == ("portal", "Dr. Jürgen Weber", name, ["ETREAT"])
    assert "MRN-0042" not in exchange.trail.read_text()
    seen = str(engine.seen())
    assert not any(word in seen for word in ("Weber", "MRN-0042", "ETREAT", name))


def test_a_key_that_may_not(exchange: Exchange, engine: FakeEngine) -> None:
    """403, and the trail has whose key it was, with none of what it said; no other path takes it
    either."""
    for name in (USER, PATIENT, PURPOSE, EMAIL, FORWARDED):
        refused = exchange.ask({**exchange.plain, name: "TREAT"})
        line = exchange.line(refused)
        assert refused.status_code == 403
        assert error_of(refused)["code"] == "forbidden"
        assert "`on_behalf`" in error_of(refused)["message"]
        assert (line["outcome"], *care_in(line)) == ("forbidden", "plain", None, None, None)
    listing = exchange.gateway.client.get("/v1/models", headers={**exchange.plain, USER: "x"})

    assert listing.status_code == 403
    assert exchange.ask(exchange.plain).status_code == 200
    assert engine.stats["generations"] == 1


@pytest.mark.parametrize("surface", SURFACES, ids=name_of)
def test_a_front_end_forwards_its_user(
    exchange: Exchange, engine: FakeEngine, surface: Surface
) -> None:
    """As Open WebUI does it: what is named first in the setting counts, the rest of what it sends
    is no matter, and the engine gets none of it."""
    forwarded = {
        FORWARDED: "0b1c",
        EMAIL: "j.weber@ward.example",
        "X-OpenWebUI-User-Name": "J%C3%BCrgen Weber",
        "X-OpenWebUI-User-Role": "user",
    }
    answer = exchange.ask({**exchange.portal, **forwarded}, surface=surface)

    assert answer.status_code == 200
    assert care_in(exchange.line(answer)) == ("portal", "j.weber@ward.example", None, None)
    assert not any(value.lower() in str(engine.seen()).lower() for value in ("0b1c", "weber"))


@pytest.mark.parametrize(
    ("sent", "person"),
    [
        (b"J%C3%BCrgen Weber", "Jürgen Weber"),  # Open WebUI
        (b"J\xfcrgen Weber", "Jürgen Weber"),  # LibreChat: Node sends Latin-1
        (b"b64:TWFyacSH", "Marić"),  # LibreChat, beyond Latin-1
        ("Marić".encode(), "Marić"),
        (b"100% Weber", "100% Weber"),
    ],
)
def test_how_front_ends_write_a_name(exchange: Exchange, sent: bytes, person: str) -> None:
    """The trail has the name as its owner writes it; the header of ours is not decoded, and counts
    before the front end's."""
    answer = exchange.ask(exchange.portal, (FORWARDED, sent))
    ours = exchange.ask(exchange.portal, (FORWARDED, sent), (USER, "a%20b"))

    assert exchange.line(answer)["user"] == person
    assert exchange.line(ours)["user"] == "a%20b"


@pytest.mark.parametrize(
    ("name", "values"),
    [
        (FORWARDED, [b"a%0Ab"]),
        (FORWARDED, [b"b64:/w=="]),
        (FORWARDED, [b"{{USER_EMAIL}}"]),
        (USER, [b"dr.weber", b"dr.weber"]),
        (PATIENT, [b"x" * 256]),
        (PATIENT, [b""]),
        (PURPOSE, [b"for the treatment"]),
        (PURPOSE, ["Régime".encode()]),
        (PURPOSE, [b"x" * 256]),
        (PURPOSE, [b"TREAT", b"TREAT"]),
        (PURPOSE, ["TR\N{RIGHT-TO-LEFT OVERRIDE}EAT".encode()]),
    ],
)
def test_what_names_nobody_is_refused(
    exchange: Exchange, engine: FakeEngine, name: str, values: list[bytes]
) -> None:
    """Control characters, no text, too much of it, two at once, a template that nobody filled in,
    a sentence for a code; the refusal repeats nothing."""
    refused = exchange.ask(exchange.portal, *((name, value) for value in values))
    message = error_of(refused)["message"]

    assert refused.status_code == 400
    assert name in message
    assert not any(value and value.decode("latin-1") in message for value in values)
    assert engine.stats["generations"] == 0


def test_a_token_of_a_clinician(exchange: Exchange) -> None:
    """Its claims are believed; what they say is as long as the token is."""
    token = exchange.token(fhirUser="Practitioner/7", patient="MRN-1", purpose_of_use=[TREAT])
    patient = Pseudonyms.of(KEY).patient("MRN-1")
    for _ in range(2):  # from the cache of tokens, too
        line = exchange.line(exchange.ask(token))
        assert care_in(line) == ("ward-7", "Practitioner/7", patient, ["TREAT"])
    assert exchange.ask({**token, USER: "somebody else"}).status_code == 403


def test_a_claimed_person_hides_no_verified_one(exchange: Exchange) -> None:
    """The line has the person of the header as claimed, beside what the token says."""
    iua = {"subject_name": "Dr. Jane", "subject_role": [{"system": "1.2", "code": "7"}, "nurse"]}
    iua |= {"home_community_id": "urn:oid:1.2.3", "subject_organization": "x" * 256}
    token = exchange.token(
        fhirUser="Practitioner/7",
        jti="t-1",
        scope="generate on_behalf",
        extensions={"ihe_iua": iua},
    )
    line = exchange.line(exchange.ask({**token, USER: "dr.weber"}))
    own = exchange.line(exchange.ask(token))

    assert (line["user"], line["user_source"]) == ("dr.weber", "header")
    assert (own["user"], own["user_source"]) == ("Practitioner/7", "token")
    for facts in (line, own):
        assert facts["client"] == "ward-7"
        assert facts["fhir_user"] == "Practitioner/7"
        assert (facts["jti"], facts["subject_name"]) == ("t-1", "Dr. Jane")
        assert facts["subject_role"] == "1.2|7, nurse"
        assert facts["home_community_id"] == "urn:oid:1.2.3"
        assert "subject_organization" not in facts
    same = exchange.ask({**token, USER: "Practitioner/7"})
    assert exchange.line(same)["user_source"] == "token"


def test_whom_a_key_may_name(exchange: Exchange, engine: FakeEngine) -> None:
    """A key of several persons names one of them; a key of one is that person's, unasked."""
    file = exchange.trail.with_name("keys.json")
    ward = bearer(add_key(file, "ward", "generate", "on_behalf", users=("dr.weber", "Marić")))
    own = bearer(add_key(file, "own", "generate", users=("dr.weber",)))
    until(lambda: exchange.ask(own).status_code == 200)
    refused = exchange.ask({**ward, USER: "dr.mabuse"})

    assert refused.status_code == 403
    assert "user" not in exchange.line(refused)
    assert exchange.ask({**own, USER: "dr.weber"}).status_code == 403  # it lacks the scope
    named = exchange.line(exchange.ask({**ward, USER: "Marić"}))
    assert (named["user"], named["user_source"]) == ("Marić", "header")
    assert "user" not in exchange.line(exchange.ask(ward))
    alone = exchange.line(exchange.ask(own))
    assert (alone["client"], alone["user"], alone["user_source"]) == ("own", "dr.weber", "key")


def test_a_patient_who_asks_has_no_name_in_the_trail() -> None:
    """Neither the token's fhirUser nor its subject_name is written."""
    facts = TokenFacts("Patient/7", "t-1", "Jane Roe")
    care = CareContext("Patient/7", user_source="token", token=facts)
    principal = Principal("app", "jwt", frozenset(), care=care)
    names = Pseudonyms.of(KEY)
    written = names.token_of(principal) | names.care_of(principal)

    assert written["user"] == written["fhir_user"] == names.user("Patient/7")
    assert not any(text in str(written) for text in ("Patient/7", "Jane"))


@pytest.mark.parametrize(
    ("claims", "care"),
    [
        ({"sub": "a", "fhirUser": "b"}, ("b", None, ())),
        ({"sub": "app", "azp": "app"}, (None, None, ())),
        ({"sub": "0b1c", "idtyp": "app"}, (None, None, ())),
        ({"sub": "0b1c", "preferred_username": "service-account-hub"}, (None, None, ())),
        ({"extensions": {"ihe_iua": {"person_id": "p"}}}, (None, "p", ())),
        ({"https://hie.example/purpose": "BTG"}, (None, None, ("BTG",))),
        ({"purpose_of_use": ["TREAT", TREAT, "COC"]}, (None, None, ("TREAT", "COC"))),
    ],
)
def test_claims(claims: dict[str, Any], care: tuple[Any, ...]) -> None:
    """The first of the names, a path or a URL; a code, a coding, or several; an application is
    nobody."""
    assert read_context(claims, CLAIMS)[:3] == care


@pytest.mark.parametrize(
    ("sent", "recorded"),
    [
        ("http://terminology.hl7.org/CodeSystem/v3-ActReason|BTG", "BTG"),
        ("BTG^^^&2.16.840.1.113883.5.8&ISO", "BTG"),
        (f"{SWISS}|EMER", "ETREAT"),
        ("DICOM_AUTO^^^2.16.756.5.30.1.127.3.10.5", "RECORDMGT"),
        (f"OPERATIONS^^^{NHIN}", "HOPERAT"),
        ({"system": "http://healthit.gov/nhin/purposeofuse", "code": "PAYMENT"}, "HPAYMT"),
        (f"{NHIN}|FAMILY", f"{NHIN}|FAMILY"),
        (f"{NHIN}|TREAT", f"{NHIN}|TREAT"),
        ("TREAT^^^1.2.3", "TREAT^^^1.2.3"),
        ({"system": "urn:oid:1.2.3", "code": "TREAT"}, "urn:oid:1.2.3|TREAT"),
        ({"system": "1.2.3", "code": f"{NHIN}|PAYMENT"}, f"1.2.3|{NHIN}|PAYMENT"),
        ("NORM", "NORM"),
        ("treat", "treat"),
    ],
)
def test_purposes_of_other_systems(sent: object, recorded: str) -> None:
    """Mapped to HL7's by system and code; what is not mapped stays as it was sent, HL7's words of
    another system too."""
    assert read_context({"purpose_of_use": sent}, CLAIMS).purposes == (recorded,)


OWN = """
[[system]]
names = ["", "urn:oid:1.2.3"]
codes = { ROUND = "TREAT", TREAT = "HRESCH" }

[[system]]
names = ["2.16.756.5.30.1.127.3.10.5"]
codes = { AUTO = "HSYSADMIN" }
"""


@pytest.mark.parametrize(
    ("sent", "recorded"),
    [
        ("ROUND", "TREAT"),
        ("ROUND^^^&1.2.3&ISO", "TREAT"),
        ({"system": "urn:oid:1.2.3", "code": "TREAT"}, "HRESCH"),
        ("TREAT", "TREAT"),  # HL7's own code is never another
        (f"{SWISS}|AUTO", "HSYSADMIN"),
        (f"{SWISS}|EMER", "ETREAT"),
    ],
)
def test_purposes_of_a_site(tmp_path: Path, sent: str, recorded: str) -> None:
    """Its rows are beside the shipped ones, and replace those for the same system and code."""
    (tmp_path / "own.toml").write_text(OWN)
    claims = CareClaims(purpose=("p",), purposes=PurposeTable.load(tmp_path / "own.toml"))
    assert read_context({"p": sent}, claims).purposes == (recorded,)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"\xff", "utf-8"),
        (b"[[system]", "line 1"),
        (b"", "`names` and `codes`"),
        (b"[[system]]\nnames = ['1.2']", "`names` and `codes`"),
        (b"[[system]]\nnames = '1.2'\ncodes = { A = 'TREAT' }", "`names` and `codes`"),
        (b"[[system]]\nnames = 7\ncodes = { A = 'TREAT' }", "`names` and `codes`"),
        (b"[[system]]\nnames = ['1.2']\ncodes = { A = 'CURE' }", "A is mapped to CURE"),
        (b"[[system]]\nnames = ['1.2']\ncodes = { A = ['TREAT'] }", "`names` and `codes`"),
    ],
)
def test_a_purposes_file_that_is_wrong(content: bytes, problem: str, tmp_path: Path) -> None:
    """The sentence says what is wrong."""
    (tmp_path / "own.toml").write_bytes(content)
    with pytest.raises(FileUnusable) as refused:
        PurposeTable.load(tmp_path / "own.toml")
    assert problem in str(refused.value)


def test_no_start_without_the_purposes_file(tmp_path: Path, engine: FakeEngine) -> None:
    """One that is set and missing is an error of the settings."""
    gateway = Gateway(tmp_path, engine.url, MMHIE_PURPOSES_FILE=str(tmp_path / "gone.toml"))
    assert gateway.exit_code() == 2
    assert "gone.toml: No such file or directory" in gateway.log


@pytest.mark.parametrize(
    ("claims", "named"),
    [
        ({"fhirUser": 7}, "USER"),
        ({"fhirUser": "x" * 256}, "USER"),
        ({"patient": "a\nMRN-77"}, "PATIENT"),
        ({"purpose_of_use": [TREAT, {"code": ["TREAT"]}]}, "PURPOSE"),
        ({"purpose_of_use": {"system": 7, "code": "TREAT"}}, "PURPOSE"),
        ({"purpose_of_use": ["TREAT", ""]}, "PURPOSE"),
        ({"purpose_of_use": ["TREAT", *map(str, range(100))]}, "PURPOSE"),
    ],
)
def test_claims_that_are_refused(claims: dict[str, Any], named: str) -> None:
    """Each by the setting that names it; nothing is quoted."""
    with pytest.raises(Unauthorized, match=f"MMHIE_JWT_{named}_CLAIMS") as refused:
        read_context(claims, CLAIMS)
    assert "MRN-77" not in refused.value.message


@pytest.fixture
def strict(tmp_path: Path, engine: FakeEngine, rsa_signer: Signer) -> Iterator[Exchange]:
    """An exchange that wants to know who asks, and why."""
    made = Exchange(tmp_path, engine, rsa_signer, MMHIE_REQUIRED_CONTEXT="user,purpose")
    with made.gateway:
        yield made


def test_what_is_required(strict: Exchange, engine: FakeEngine) -> None:
    """Requests to the model without it are refused in a sentence; models are listed all the
    same."""
    for headers, missing in (
        (strict.plain, USER),
        ({**strict.portal, PURPOSE: "TREAT"}, USER),
        ({**strict.portal, PURPOSE: "TREAT", EMAIL: "a@b.example"}, USER),  # it is not set here
        ({**strict.portal, USER: "dr.weber"}, PURPOSE),
        ({**strict.portal, USER: "dr.weber", PURPOSE: "urn:oid:1.2.3|TREAT"}, "that it knows"),
        (strict.token(sub="dr.weber", purpose_of_use=["TREAT", "treat"]), "that it knows"),
        (strict.token(), PURPOSE),
    ):
        refused = strict.ask(headers, stream=True, prompt=EMERGENCY)
        assert refused.status_code == 400
        assert missing in refused.json()["error"]["message"]
        assert "MED101" in refused.headers["x-mmhie-notices"]
    assert engine.stats["generations"] == 0
    assert strict.gateway.client.get("/v1/models", headers=strict.plain).status_code == 200
    for headers, client in (
        ({**strict.portal, USER: "dr.weber", PURPOSE: f"{SWISS}|NORM"}, "portal"),
        (strict.token(sub="dr.weber", purpose_of_use="TREAT"), "dr.weber"),
    ):
        line = strict.line(strict.ask(headers))
        assert care_in(line) == (client, "dr.weber", None, ["TREAT"])


def test_a_name_tells_nothing_without_the_key() -> None:
    """The same patient has one name under one key; a user of that name another."""
    ours, theirs = Pseudonyms.of(KEY), Pseudonyms.of("q" * 32)

    assert ours.patient("MRN-1") == Pseudonyms.of(KEY).patient("MRN-1")
    names = {ours.patient("MRN-1"), ours.patient("MRN-2"), theirs.patient("MRN-1")}
    assert len(names) == 3
    user, patient = ours.user("MRN-1"), ours.patient("MRN-1")
    assert user.removeprefix("user:") != patient.removeprefix("patient:")


def test_a_key_of_their_own() -> None:
    """Verifying the trail does not take it; with it, lines of before are found, too."""
    ours, theirs = Pseudonyms.of(KEY, "q" * 32), Pseudonyms.of(KEY)

    assert ours.patient("MRN-1") not in theirs.patients("MRN-1")
    assert ours.patients("MRN-1")[0] == ours.patient("MRN-1")
    assert {*theirs.patients("MRN-1")} < {*ours.patients("MRN-1")}
    assert {*theirs.users("MRN-1")} < {*ours.users("MRN-1")}


def test_an_open_gateway_knows_no_persons(refusal: Refusal) -> None:
    """Nobody could say who asks."""
    assert "need keys or tokens" in refusal(MMHIE_REQUIRED_CONTEXT="purpose")
    assert "need keys or tokens" in refusal(MMHIE_USER_HEADERS=EMAIL)


@pytest.mark.parametrize("name", ["Cookie", "X-API-Key", "x-mmhie-user", "X-", "X-a:b"])
def test_no_secret_is_taken_for_a_name(refusal: Refusal, name: str) -> None:
    """A header of the gateway's own, or one that front ends do not choose, names nobody."""
    assert "MMHIE_USER_HEADERS" in refusal(MMHIE_USER_HEADERS=f"X-User, {name}")
