"""The engine's tokenizer through the gateway: counted, scoped, limited, and never logged."""

from pathlib import Path
from typing import Any

import httpx2
import pytest

from gateway.principal import PrincipalLimits
from tests.contract.fixtures import Shared
from tests.contract.process import Gateway
from tests.contract.surfaces import MESSAGES, refusal_of
from tests.fake_engine.process import FakeEngine
from tests.gateway.auth.conftest import add_key
from tests.waiting import until

COUNT = f"{MESSAGES}/count_tokens"
CANARY = "zebrafish7731"
TURN = [{"role": "user", "content": f"Say {CANARY}."}]
IMAGE = {"type": "image_url"}
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
