"""A gateway with a trail: one line for each request, whatever becomes of it."""

import contextlib
import json
import re
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import pytest

from gateway.audit import checkpoint
from gateway.audit.chain import ChainHead
from gateway.audit.entry import ORIGIN
from gateway.audit.verify import verify
from gateway.safety.labels import GATEWAY_VERSION
from tests.contract.fixtures import Folders, Start
from tests.contract.process import Gateway
from tests.contract.surfaces import SURFACES, Surface, error_of, mmhie_of, name_of
from tests.fake_engine.process import FakeEngine
from tests.gateway.audit.conftest import (
    KEY,
    fail,
    line_where,
    lines,
    repair,
    requests_in,
    trail_settings,
)
from tests.gateway.auth.conftest import add_key, bearer
from tests.waiting import PATIENCE_S, until

CANARY = "zebrafish7731"
JSON, SSE = SURFACES[0], SURFACES[1]


class Audited:
    """A gateway with keys and a trail."""

    def __init__(self, folder: Path, start: Start, url: str, **more: str) -> None:
        self.trail = folder / "audit.jsonl"
        self.secret = add_key(folder / "keys.json", "ward-7", "generate", "openai")
        self.headers = bearer(self.secret)
        keyed = {"MMHIE_KEYS_FILE": str(folder / "keys.json"), **settings(self.trail), **more}
        self.gateway = start(url, **keyed).wait()

    def ask(self, surface: Surface, prompt: str = CANARY, **more: Any) -> httpx2.Response:
        headers = {**surface.headers, **self.headers}
        body = surface.body(prompt, **more)
        return self.gateway.client.post(surface.path, json=body, headers=headers)

    def line(self, answer: httpx2.Response) -> dict[str, Any]:
        """The line of an answer, by its request id; it is there within a moment."""
        return line_where(self.trail, request_id=answer.headers["x-request-id"])

    @property
    def checkpoints(self) -> list[ChainHead]:
        return checkpoint.read(str(self.gateway.log_file))


def settings(trail: Path) -> dict[str, str]:
    return {**trail_settings(trail), "MMHIE_TIMEOUT_SECONDS": "3"}


@pytest.fixture(scope="module")
def audited(tmp_path_factory: Folders, the_engine: FakeEngine) -> Iterator[Audited]:
    folder = tmp_path_factory.mktemp("audited")
    begun = Audited(folder, partial(Gateway, folder), the_engine.url)
    yield begun
    begun.gateway.stop()


@pytest.mark.parametrize("surface", SURFACES, ids=name_of)
def test_an_answer_has_its_line(audited: Audited, engine: FakeEngine, surface: Surface) -> None:
    """Caller, time, model, digests that match the answer's own, counts, outcome; no text."""
    answer = audited.ask(surface)
    line = audited.line(answer)

    assert answer.status_code == 200
    assert (line["client"], line["auth"], line["route"]) == ("ward-7", "key", surface.path)
    assert (line["status"], line["outcome"], line["model"]) == (200, "ok", "fake-model")
    assert line["address"] == "127.0.0.1"
    assert line["prompt_tokens"] > 0
    assert line["completion_tokens"] > 0
    assert line["time"].endswith("Z")
    if surface.form != "text":
        label = mmhie_of(surface, answer)
        origin = label["provenance"]
        assert line["output_digests"] == [origin["output_digest"]]
        assert line["disclaimer"] == label["disclaimer"]["version"]
        for name in (*ORIGIN, "system_fingerprint", "notice_rules"):
            assert line.get(name) == (origin[name] or None), name


EMERGENCY = "I have crushing chest pain."


@pytest.mark.parametrize("surface", SURFACES, ids=name_of)
def test_what_the_clinician_was_told_is_in_the_line(
    audited: Audited, engine: FakeEngine, surface: Surface
) -> None:
    """Notices by id with the version of their rules, a cut, and warnings; again no text."""
    line = audited.line(audited.ask(surface, EMERGENCY, **surface.limit(3)))
    quiet = audited.line(audited.ask(surface))

    assert line["notices"] == ["MED101"]
    assert line["notice_rules"] == quiet["notice_rules"]
    assert re.fullmatch(rf"{re.escape(GATEWAY_VERSION)}-[0-9a-f]{{12}}", line["notice_rules"])
    assert line["truncated"] == "in_answer"
    assert "notices" not in quiet
    assert "truncated" not in quiet
    assert "chest" not in audited.trail.read_text()


def test_a_notice_that_a_later_turn_resolved_is_named_as_such(
    audited: Audited, engine: FakeEngine
) -> None:
    """Beside the notices: the clinician read that it was raised earlier."""
    turns = [{"role": "user", "content": EMERGENCY}, {"role": "assistant", "content": "Yes."}]
    over = "The chest pain has resolved after nitroglycerin."
    line = audited.line(audited.ask(JSON, over, history=turns))

    assert (line["notices"], line["notices_resolved"]) == (["MED101"], ["MED101"])


def test_warnings_are_in_the_line(audited: Audited, engine: FakeEngine) -> None:
    """Text removed from an answer, and a prompt that was not screened."""
    engine.next(fault="say", tokens=["<|channel|>final<|message|>", "Yes."])
    assert audited.line(audited.ask(JSON))["warnings"] == ["harmony_markers_stripped"]
    completions = SURFACES[5]
    body = {"prompt": [[1, 2]], **completions.model}
    answer = audited.gateway.client.post(completions.path, json=body, headers=audited.headers)
    assert audited.line(answer)["warnings"] == ["input_not_screened"]


def test_everything_that_was_sent_is_in_the_digest(audited: Audited, engine: FakeEngine) -> None:
    """The system prompt and the earlier turns, too; how the JSON was written is not."""

    def digest(surface: Surface, **more: Any) -> str:
        return str(audited.line(audited.ask(surface, **more))["prompt_digest"])

    nurse, other = (digest(JSON, system=f"Answer as {who}.") for who in ("a nurse", "a surgeon"))
    assert len({nurse, other, digest(JSON), digest(JSON, max_tokens=7)}) == 4
    again = b'{"system": "Answer as a nurse.",  "prompt": "%s"}' % CANARY.encode()
    answer = audited.gateway.client.post(JSON.path, content=again, headers=audited.headers)
    assert audited.line(answer)["prompt_digest"] == nurse
    earlier, changed = ([{"role": "user", "content": f"Allergic to {drug}."}] for drug in "xy")
    assert len({digest(JSON), *(digest(JSON, history=turns) for turns in (earlier, changed))}) == 3
    responses = SURFACES[7]
    assert digest(responses, instructions="Be brief.") != digest(responses, instructions="Be long.")


@pytest.mark.parametrize(
    ("outcome", "fault", "more", "status"),
    [
        ("invalid_request", {}, {"temperature": 99}, 422),
        ("model_not_found", {}, {"model": "other"}, 404),
        ("engine_cut", {"fault": "cut"}, {}, 200),
        ("engine_timeout", {"fault": "hang_before_headers", "seconds": 5}, {}, 504),
    ],
)
def test_every_failure_has_its_line(
    audited: Audited, engine: FakeEngine, outcome: str, fault: Any, more: Any, status: int
) -> None:
    """With the code that the caller got, and the client's name."""
    surface = SURFACES[4] if "model" in more else SSE
    if fault:
        engine.next(**fault)
    answer = audited.ask(surface, **more)
    line = audited.line(answer)

    assert (line["outcome"], line["status"], line["client"]) == (outcome, status, "ward-7")


@pytest.mark.parametrize(
    ("path", "client", "route", "status", "outcome"),
    [
        ("/v1/models", "ward-7", "/v1/models", 200, "ok"),
        (f"/v1/models/{CANARY}", "ward-7", "/v1/models/{model_id:path}", 404, "model_not_found"),
        ("/v1/mmhie/model-card", "ward-7", "/v1/mmhie/model-card", 200, "ok"),
        ("/v1/mmhie/model-card", None, "none", 401, "unauthorized"),
        (f"/{CANARY}?q={CANARY}", "ward-7", "none", 404, "not_found"),
    ],
)
def test_every_path_that_asks_for_a_key_has_its_line(
    audited: Audited, path: str, client: str | None, route: str, status: int, outcome: str
) -> None:
    """By the name of the route: what a caller writes in a path is not in the trail."""
    headers = audited.headers if client else {}
    line = audited.line(audited.gateway.client.get(path, headers=headers))

    assert (line["client"], line["route"]) == (client, route)
    assert (line["status"], line["outcome"]) == (status, outcome)
    assert CANARY not in audited.trail.read_text()


def test_what_is_open_to_everybody_has_none(audited: Audited) -> None:
    """Probes and scrapes come every few seconds and tell nothing of a patient."""
    before = len(requests_in(audited.trail))
    for path in ("/healthz", "/readyz", "/metrics", "/openapi.json"):
        audited.gateway.client.get(path)
    audited.line(audited.ask(JSON))

    assert len(requests_in(audited.trail)) == before + 1


def test_the_trail_holds_no_text_and_no_secret(audited: Audited, engine: FakeEngine) -> None:
    """Not of the question, not of the answer, not of the keys, those that strangers tried
    included; and it is as it was written."""
    engine.next(fault="say", tokens=[CANARY])
    audited.line(audited.ask(JSON))
    wrong = bearer("mmhie_stranger-secret")
    refused = audited.gateway.client.post(JSON.path, json=JSON.body(CANARY), headers=wrong)
    line = audited.line(refused)
    assert (line["outcome"], line["status"], line["client"]) == ("unauthorized", 401, None)
    content = audited.trail.read_text()

    assert CANARY not in content
    assert audited.secret not in content
    assert "stranger-secret" not in content
    assert not verify(audited.trail, key=KEY, checkpoints=audited.checkpoints).findings


def test_what_a_stop_cuts_off_has_its_line(
    start_audited: Start, engine: FakeEngine, path: Path
) -> None:
    """Streaming or not: the drain ran out, and the line says so."""
    gateway = start_audited(MMHIE_TIMEOUT_SECONDS="120", MMHIE_DRAIN_SECONDS="1").wait()
    engine.next(fault="hang_midstream", after=2, times=-1)
    asking = [
        threading.Thread(target=ask_and_forget, args=(gateway, surface)) for surface in SURFACES
    ]
    for thread in asking:
        thread.start()
    engine.until(lambda stats: stats["running"] == len(asking))
    gateway.stop()
    for thread in asking:
        thread.join()

    told = [(line["kind"], line.get("outcome")) for line in lines(path)]
    assert told == [("start", None), *[("request", "draining")] * len(asking), ("stop", None)]
    assert not verify(path, key=KEY).findings


def ask_and_forget(gateway: Gateway, surface: Surface) -> None:
    """A caller that takes what comes."""
    client = httpx2.Client(base_url=gateway.url, timeout=PATIENCE_S, trust_env=False)
    more: dict[str, Any] = {"max_tokens": 500} if surface.path == JSON.path else {}
    with contextlib.suppress(httpx2.HTTPError), client:
        surface.ask(client, **more)


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    """A trail on a disk of its own, which may fail."""
    (tmp_path / "disk").mkdir()
    return tmp_path / "disk" / "audit.jsonl"


@pytest.mark.parametrize("policy", ["refuse", "serve"])
def test_a_trail_that_cannot_be_written(
    start: Start, engine: FakeEngine, disk: Path, policy: str
) -> None:
    """`refuse` answers 503 until it can, `serve` answers; the alarm is in metrics, health, log."""
    settings = {**trail_settings(disk), "MMHIE_AUDIT_ON_FAILURE": policy}
    gateway = start(engine.url, **settings).wait()
    asked: list[str] = []

    def ask() -> httpx2.Response:
        answer = JSON.ask(gateway.client)
        asked.append(answer.headers["x-request-id"])
        return answer

    assert ask().status_code == 200
    fail(disk)
    is_before = ask().status_code == 200  # the trail is looked at once a second
    until(lambda: "mmhie_audit_failing 1.0" in gateway.client.get("/metrics").text)
    answer = ask()
    warnings = gateway.client.get("/healthz").json()["warnings"]
    assert any("audit" in warning for warning in warnings)
    until(lambda: "audit trail cannot be written" in gateway.log)
    if policy == "refuse":
        assert (answer.status_code, error_of(answer)["code"]) == (503, "audit_unavailable")
        assert answer.headers["retry-after"]
    else:
        assert answer.status_code == 200

    repair(disk)
    until(lambda: "mmhie_audit_failing 0.0" in gateway.client.get("/metrics").text)
    assert ask().status_code == 200
    gateway.stop()
    middle = "audit_unavailable" if policy == "refuse" else "ok"
    first = "ok" if is_before else middle
    assert [line["outcome"] for line in requests_in(disk)] == ["ok", first, middle, "ok"]
    assert [line["request_id"] for line in requests_in(disk)] == asked
    assert [line["kind"] for line in lines(disk)].count("resumed") == 1
    assert not verify(disk, key=KEY).findings


def test_a_trail_that_could_not_be_gone_on_with(start_audited: Start, path: Path) -> None:
    """Exit code 2 and one sentence, without the key."""
    path.write_bytes(b'{"seq":1}\n')
    gateway = start_audited()

    assert gateway.exit_code() == 2
    until(lambda: "written with another MMHIE_AUDIT_KEY" in gateway.log)
    assert gateway.log.count("\n") == 1
    until(lambda: KEY not in gateway.log)


def test_a_refusal_has_the_sentence_and_the_field(audited: Audited, engine: FakeEngine) -> None:
    """As the client saw them; of an engine's refusal neither, as both may have numbers of it."""
    refused = audited.ask(JSON, max_tokens=10**6)
    line = audited.line(refused)
    assert (line["reason"], line["param"]) == (error_of(refused)["message"], "max_tokens")

    error = {"message": "Token id 48577 is out of vocabulary", "param": "logit_bias.48577"}
    engine.next(fault="status", status=400, body=json.dumps({"error": error}))
    line = audited.line(audited.ask(SURFACES[3]))
    assert (line["outcome"], line["status"]) == ("invalid_request", 400)
    assert not {"reason", "param"} & line.keys()
