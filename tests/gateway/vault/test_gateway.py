"""A gateway with a vault: every answer is in it as it was given, for its holder to open."""

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest

from gateway.safety.labels import keyed_digest
from tests.contract.fixtures import Refusal, Start
from tests.contract.process import Gateway
from tests.contract.surfaces import (
    CHAT,
    CHAT_JSON,
    CHAT_SSE,
    JSON,
    STREAMS,
    SURFACES,
    Surface,
    mmhie_of,
    name_of,
    readable,
)
from tests.fake_engine.process import FakeEngine
from tests.gateway.audit.conftest import line_where, trail_settings
from tests.gateway.vault.conftest import Holder, KeyPair, key_pair
from tests.waiting import until

DIGEST_KEY = "d" * 32
CANARY = "zebrafish7731"
EMERGENCY = "I have crushing chest pain."


class Vaulted(Holder):
    """A gateway with vault and trail."""

    gateway: Gateway

    def ask(self, surface: Surface, request_id: str, **more: Any) -> httpx2.Response:
        headers = {**surface.headers, "x-request-id": request_id}
        prompt = more.pop("prompt", CANARY)
        body = surface.body(prompt, **more)
        return self.gateway.client.post(surface.path, json=body, headers=headers)

    def kept(self, request_id: str) -> dict[str, Any]:
        """The answer of a caller's id, whose digests are those in the trail."""
        (answer,) = self.by_caller(request_id)
        digests = [given["output_digest"] for given in answer["answers"]]
        assert digests == self.line(request_id)["output_digests"]
        return answer

    def line(self, request_id: str) -> dict[str, Any]:
        """The line of the trail."""
        return line_where(self.vault.with_name("audit.jsonl"), caller_request_id=request_id)


Begin = Callable[..., Vaulted]


@pytest.fixture(scope="module")
def vaulted(tmp_path_factory: pytest.TempPathFactory, the_engine: FakeEngine) -> Iterator[Vaulted]:
    where = tmp_path_factory.mktemp("vaulted")
    holder = Vaulted(where / "vault", key_pair(where))
    settings = holder.settings | trail_settings(where / "audit.jsonl")
    more = {"MMHIE_DIGEST_KEY": DIGEST_KEY, "MMHIE_TIMEOUT_SECONDS": "3"}
    with Gateway(where, the_engine.url, **settings, **more).wait() as gateway:
        holder.gateway = gateway
        yield holder


@pytest.fixture
def begin(start: Start, engine: FakeEngine, tmp_path: Path, keys: KeyPair) -> Begin:
    """Start a gateway with a vault of the test's own."""

    def with_vault(**settings: str) -> Vaulted:
        holder = Vaulted(tmp_path / "vault", keys)
        holder.gateway = start(engine.url, **holder.settings, **settings)
        return holder

    return with_vault


@pytest.mark.parametrize("surface", SURFACES, ids=name_of)
def test_an_answer_is_in_the_vault(vaulted: Vaulted, engine: FakeEngine, surface: Surface) -> None:
    """Request byte for byte, the wording of notices and emergency note as the clinician had them,
    and the text that label and trail have the digest of."""
    request_id = f"kept-{surface.name}"
    answer = vaulted.ask(surface, request_id, prompt=EMERGENCY)
    kept, line = vaulted.kept(request_id), vaulted.line(request_id)
    (given,) = kept["answers"]

    assert kept["request"].encode() == answer.request.content
    assert (kept["path"], kept["is_whole"]) == (surface.path, True)
    assert [notice["id"] for notice in kept["notices"]] == ["MED101"]
    assert "In an emergency call" in kept["emergency_note"]
    assert (kept["request_id"], kept["time"][:16]) == (line["request_id"], line["time"][:16])
    assert given["output_digest"] == keyed_digest(DIGEST_KEY.encode(), given["text"])
    assert given["text"]
    assert given["text"] in readable(answer)
    if surface.form != "text":
        origin = mmhie_of(surface, answer)["provenance"]
        assert given["output_digest"] == origin["output_digest"]
        shown = mmhie_of(surface, answer)
        assert shown["notices"] == kept["notices"]
        assert shown.get("emergency_note", kept["emergency_note"]) == kept["emergency_note"]


@pytest.mark.parametrize("surface", STREAMS, ids=name_of)
@pytest.mark.parametrize("text", ["Größe: 5 µg 心 🫀", 'a "b" \\ <c> <|end|> d\n'])
def test_the_text_is_kept_letter_for_letter(
    vaulted: Vaulted, engine: FakeEngine, surface: Surface, text: str
) -> None:
    """Quotes, other scripts, what begins like a control marker: all ways of a chunk."""
    request_id = f"letters-{surface.name}-{len(text)}"
    engine.next(fault="say", tokens=[*text, *text])
    vaulted.ask(surface, request_id)

    assert vaulted.kept(request_id)["answers"][0]["text"] == 2 * text.replace("<|end|>", "")


def test_a_tool_call_and_hidden_reasoning_are_no_text(begin: Begin, engine: FakeEngine) -> None:
    """The answer to a tool call is empty, and reasoning stays out whoever sees it."""
    holder = begin(MMHIE_REASONING="hide")
    holder.gateway.wait()
    tool = {"type": "function", "function": {"name": "lookup", "parameters": {}}}
    for surface in (CHAT_JSON, CHAT_SSE):
        holder.ask(surface, f"tool-{surface.name}", tools=[tool], tool_choice="required")
        engine.next(fault="reasoning")
        holder.ask(surface, f"thought-{surface.name}")
        (called,), (thought,) = (
            holder.by_caller(f"{kind}-{surface.name}")[0]["answers"] for kind in ("tool", "thought")
        )

        assert called["text"] == ""
        assert thought["text"]
        assert "The question is" not in thought["text"]


def test_what_no_model_answered_is_not_kept(vaulted: Vaulted, engine: FakeEngine) -> None:
    """Refusals, failures and counts of tokens leave nothing; the next answer is there alone."""
    before = len(vaulted.answers())
    vaulted.ask(JSON, "none-1", temperature=99)
    engine.next(fault="status", status=500)
    vaulted.ask(JSON, "none-2")
    client = vaulted.gateway.client
    client.post("/tokenize", json={"model": "fake-model", "prompt": CANARY})
    client.post("/v1/embeddings", json={"model": "fake-model", "input": CANARY})
    vaulted.ask(JSON, "some")
    vaulted.by_caller("some")

    assert len(vaulted.answers()) == before + 1


def test_no_text_is_on_the_disk_or_in_the_log(vaulted: Vaulted, engine: FakeEngine) -> None:
    """But sealed: the canary is in no file, and no id of a caller in a name."""
    vaulted.ask(JSON, "canary-1")
    vaulted.by_caller("canary-1")
    for path in vaulted.vault.parent.rglob("*"):
        assert "canary" not in path.name
        assert path.is_dir() or CANARY.encode() not in path.read_bytes(), path
    assert all(file.stat().st_mode & 0o77 == 0 for file in vaulted.vault.rglob("*"))


@pytest.mark.parametrize("name", ["../../etc/passwd", "a/b", "x" * 129, "a\\b", "..", "%2e%2e%2f"])
def test_an_id_that_is_a_path_names_no_file(
    vaulted: Vaulted, engine: FakeEngine, name: str
) -> None:
    """A file has the gateway's own id, and lies in the folder of its day."""
    files = set(vaulted.vault.parent.rglob("*"))
    assert vaulted.ask(JSON, name).status_code == 200
    until(lambda: len(set(vaulted.vault.parent.rglob("*")) - files) > 0)

    for file in set(vaulted.vault.rglob("*.sealed")) - files:
        place = file.relative_to(vaulted.vault).as_posix()
        assert re.fullmatch(r"\d{4}-\d\d-\d\d/[0-9a-f]{32}\.sealed", place)
    assert {path for path in vaulted.vault.parent.iterdir()} <= files


def test_requests_are_refused_while_the_vault_cannot_be_written(
    begin: Begin, tmp_path: Path
) -> None:
    """With notices, a metric and a warning; once there is a disk again, all that was answered is
    on it."""
    holder = begin()
    gateway = holder.gateway.wait()
    holder.ask(JSON, "before")
    holder.by_caller("before")
    holder.vault.rename(tmp_path / "away")
    assert holder.ask(JSON, "last").status_code == 200
    until(lambda: "mmhie_vault_failing 1.0" in gateway.client.get("/metrics").text)
    refused = holder.ask(CHAT_SSE, "refused", prompt=EMERGENCY)

    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "vault_unavailable")
    assert refused.headers["x-mmhie-notices"] == "MED101"
    assert refused.headers["retry-after"]
    assert gateway.client.get("/readyz").status_code == 503
    assert any("vault" in text for text in gateway.client.get("/healthz").json()["warnings"])
    assert "mmhie_vault_waiting_answers 1.0" in gateway.client.get("/metrics").text
    assert "the answer vault cannot be written: No such file or directory" in gateway.log

    (tmp_path / "away").rename(holder.vault)
    until(lambda: "mmhie_vault_failing 0.0" in gateway.client.get("/metrics").text)
    assert holder.ask(JSON, "after").status_code == 200
    assert [holder.by_caller(name) for name in ("before", "last", "after")]
    assert CANARY not in gateway.log


def test_a_stop_writes_what_was_answered(
    start: Start, engine: FakeEngine, tmp_path: Path, keys: KeyPair
) -> None:
    """Nothing that a client has seen is missing after SIGTERM, of two gateways on one folder."""
    holder = Vaulted(tmp_path / "vault", keys)
    both = [start(engine.url, **holder.settings) for _ in range(2)]
    answered: list[str] = []

    def ask(gateway: Gateway, turn: int) -> None:
        with httpx2.Client(trust_env=False) as client:
            for number in range(20):
                name = f"{gateway.port}-{turn}-{number}"
                url, headers = gateway.url + CHAT, {"x-request-id": name}
                if client.post(url, json=CHAT_SSE.body(), headers=headers).is_success:
                    answered.append(name)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(ask, [gateway.wait() for gateway in both] * 3, range(6)))
    for gateway in both:
        assert gateway.stop() == 0

    kept = holder.answers()
    assert len(answered) == 120
    assert {answer["caller_request_id"] for answer in kept} == set(answered)
    assert len(kept) == len(answered)


def test_large_requests_are_kept_whole(begin: Begin) -> None:
    """Six at once of twenty megabytes: each is answered and kept, or refused, as the memory for
    requests says."""
    more = {"MMHIE_MAX_BODY_BYTES": str(30_000_000), "MMHIE_MAX_MEMORY": "256MiB"}
    holder = begin(**more, MMHIE_MAX_INPUT_LENGTH=str(100_000_000))
    holder.gateway.wait()

    def ask(name: str) -> int:
        return holder.ask(CHAT_JSON, name, prompt="a" * 20_000_000).status_code

    names = [f"large-{turn}" for turn in range(6)]
    with ThreadPoolExecutor(6) as pool:
        statuses = dict(zip(names, pool.map(ask, names), strict=True))
    assert holder.gateway.stop() == 0

    kept = {answer["caller_request_id"]: answer for answer in holder.answers()}
    assert set(statuses.values()) <= {200, 413, 503}
    assert set(kept) == {name for name, status in statuses.items() if status == 200}
    assert kept
    assert all(len(answer["request"]) > 20_000_000 for answer in kept.values())


WRONG = {
    "no key": ({"MMHIE_VAULT_PUBLIC_KEY": None}, "MMHIE_VAULT_DIR needs MMHIE_VAULT_PUBLIC_KEY"),
    "no folder": ({"MMHIE_VAULT_DIR": None}, "MMHIE_VAULT_PUBLIC_KEY seals nothing"),
    "private": ({"MMHIE_VAULT_PUBLIC_KEY": "vault.pem"}, "which the gateway must not have"),
    "empty": ({"MMHIE_VAULT_PUBLIC_KEY": "empty"}, "is no public key of X25519 in PEM"),
    "a file": ({"MMHIE_VAULT_DIR": "empty"}, "cannot be made a folder (File exists)"),
    "too deep": ({"MMHIE_VAULT_DIR": "a/b"}, "name one whose parent exists"),
}


@pytest.mark.parametrize(("change", "sentence"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_setting_is_refused(
    refusal: Refusal, keys: KeyPair, change: dict[str, str | None], sentence: str
) -> None:
    """In one sentence, with exit code 2 like every wrong setting, and without the key."""
    keys.public.with_name("empty").touch()
    right = {"MMHIE_VAULT_DIR": "vault", "MMHIE_VAULT_PUBLIC_KEY": "vault.pub.pem"}
    told = refusal(**{name: value for name, value in (right | change).items() if value})

    assert sentence in told
    assert len(told.strip().splitlines()) == 1
    assert "BEGIN" not in told
