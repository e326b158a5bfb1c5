"""The engine's tokenizer through the gateway: counted, scoped, limited, and never logged."""

from typing import Any

import httpx2
import pytest

from tests.contract.fixtures import Shared
from tests.contract.process import Gateway
from tests.contract.surfaces import MESSAGES, refusal_of
from tests.fake_engine.process import FakeEngine
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
