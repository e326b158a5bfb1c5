"""The engine's tokenizer through the gateway: counted, scoped, limited, and never logged."""

import json
from pathlib import Path
from typing import Any

import httpx2
import pytest

from gateway.principal import PrincipalLimits
from tests.contract.fixtures import Shared
from tests.contract.process import Gateway
from tests.contract.surfaces import MESSAGES, error_of, refusal_of
from tests.fake_engine.process import FakeEngine
from tests.gateway.auth.conftest import add_key
from tests.waiting import until

COUNT = f"{MESSAGES}/count_tokens"
CANARY = "zebrafish7731"
TURN = [{"role": "user", "content": f"Say {CANARY}."}]
IMAGE = {"type": "image_url"}
HOLD = {"reason": "drift", "by": "ops", "since": "2026-01-01T00:00:00Z"}
ASKED: dict[str, dict[str, Any]] = {
    "/tokenize": {"prompt": f"Say {CANARY}."},
    "/detokenize": {"tokens": [0]},
    COUNT: {"messages": TURN},
}
PATHS = pytest.mark.parametrize("path", ASKED)


class Keyed:
    """A gateway with keys, which each path may use up for itself."""

    def __init__(self, folder: Path, gateways: Shared) -> None:
        self._file = folder / "keys.json"
        self._keys = {
            (name, path): add_key(self._file, name + path.replace("/", "."), scope, limits=limits)
            for path in ASKED
            for name, scope, limits in (
                ("other", "generate", PrincipalLimits()),
                ("one-request", "openai", PrincipalLimits(requests_per_minute=1)),
                ("one-token", "openai", PrincipalLimits(tokens_per_minute=1)),
            )
        }
        self._gateway = gateways(MMHIE_KEYS_FILE=str(self._file))

    def ask(self, path: str, *names: str) -> list[int]:
        """Statuses of one request with each of these keys; "" is none."""
        statuses = []
        for name in names:
            key = {"authorization": f"Bearer {self._keys[name, path]}"} if name else {}
            answer = self._gateway.client.post(path, json=ASKED[path], headers=key)
            statuses.append(answer.status_code)
        return statuses


@pytest.fixture(scope="module")
def keyed(the_gateways: Shared, tmp_path_factory: pytest.TempPathFactory) -> Keyed:
    return Keyed(tmp_path_factory.mktemp("keyed"), the_gateways)


@pytest.fixture(scope="module")
def held(the_gateways: Shared, tmp_path_factory: pytest.TempPathFactory) -> Gateway:
    """A gateway under a hold."""
    file = tmp_path_factory.mktemp("held") / "hold.json"
    gateway = the_gateways(MMHIE_HOLD_FILE=str(file))
    file.write_text(json.dumps(HOLD))
    until(lambda: gateway.client.get("/healthz").json()["phase"] == "held")
    return gateway


@PATHS
def test_the_answer_is_the_engines(gateway: Gateway, engine: FakeEngine, path: str) -> None:
    """Every byte: there is no model output to label."""
    gateway.client.post("/tokenize", json=ASKED["/tokenize"])
    answer = gateway.client.post(path, json=ASKED[path])
    direct = httpx2.post(engine.url + path, json=ASKED[path], trust_env=False)

    assert answer.status_code == 200
    assert answer.content == direct.content
    assert "x-mmhie-ai-generated" not in answer.headers
    assert answer.headers["x-request-id"]
    assert answer.headers["cache-control"] == "no-store"
    assert engine.body(path) == ASKED[path]


def test_a_conversation_can_be_counted(gateway: Gateway, engine: FakeEngine) -> None:
    """With its template, by the served model where none is named."""
    answer = gateway.client.post("/tokenize", json={"messages": TURN})

    assert answer.json()["count"] > len(TURN[0]["content"].split())
    sent = [json.loads(request["body"]) for request in engine.seen("/tokenize")][-1]
    assert sent == {"messages": TURN, "model": "fake-model"}


@PATHS
def test_what_it_sees_is_not_logged(gateway_with: Shared, engine: FakeEngine, path: str) -> None:
    """Not at debug level, and not where it is refused."""
    gateway = gateway_with(MMHIE_LOG_LEVEL="debug")
    for extra in ({}, {"model": CANARY}, {"chat_template": CANARY}):
        gateway.client.post(path, json=ASKED[path] | extra)
    engine.next(fault="status", path=path)
    gateway.client.post(path, json=ASKED[path])

    until(lambda: gateway.log.count(f'"{path}"') == 4)
    assert CANARY not in gateway.log


@PATHS
@pytest.mark.parametrize(
    ("extra", "outcome"),
    [
        ({"model": CANARY}, (404, "model_not_found")),
        ({"chat_template": CANARY}, (400, "invalid_request")),
        ({"mm_processor_kwargs": {"a": 1}}, (400, "invalid_request")),
        ({"messages": [{"role": "user", "content": [IMAGE]}]}, (400, "invalid_request")),
    ],
)
def test_the_policy_of_requests_holds(
    gateway: Gateway, engine: FakeEngine, path: str, extra: Any, outcome: tuple[int, str]
) -> None:
    """Served models, text only, the model's own template."""
    answer = gateway.client.post(path, json=ASKED[path] | extra)

    assert refusal_of(answer) == outcome
    assert CANARY not in answer.text
    assert not engine.seen(path)


@PATHS
def test_a_key_needs_the_scope_and_its_limits_count(
    keyed: Keyed, engine: FakeEngine, path: str
) -> None:
    """`openai`, whose paths these belong to; each count is a request of the key's minute."""
    statuses = keyed.ask(path, "", "other", "one-request", "one-request")

    assert statuses == [401, 403, 200, 429]


@PATHS
def test_no_token_is_spent(keyed: Keyed, engine: FakeEngine, path: str) -> None:
    """The model is asked nothing: a key's tokens per minute stay as they are."""
    assert keyed.ask(path, *["one-token"] * 3) == [200, 200, 200]


@PATHS
def test_a_hold_holds_it_too(held: Gateway, path: str) -> None:
    """Nothing goes to a model that is out of service."""
    answer = held.client.post(path, json=ASKED[path])

    assert refusal_of(answer) == (503, "held")


@PATHS
@pytest.mark.parametrize("fault", ["html", "wrong_json", "reset", "empty"])
def test_an_answer_that_is_none(
    gateway: Gateway, engine: FakeEngine, path: str, fault: str
) -> None:
    """502 or 503, never half a document."""
    engine.next(fault=fault, times=2, path=path)
    answer = gateway.client.post(path, json=ASKED[path])

    assert answer.status_code in (502, 503)
    error_of(answer)
