"""Anthropic's Messages API over the same pipeline: screening, limits, errors in its own shape."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.contract.fixtures import Shared, Start
from tests.contract.process import Gateway
from tests.contract.surfaces import (
    MESSAGES,
    ON_V1,
    SURFACES,
    Surface,
    error_of,
    name_of,
)
from tests.fake_engine.process import FakeEngine
from tests.gateway.auth.conftest import add_key, bearer

BOTH = tuple(surface for surface in SURFACES if surface.path == MESSAGES)
WHOLE = BOTH[0]
EMERGENCY = "I have crushing chest pain."
CANARY = "zebrafish7731"


def user(*blocks: Any) -> dict[str, Any]:
    """A request with these blocks in its one turn."""
    return {"messages": [{"role": "user", "content": list(blocks)}]}


def result(content: Any) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": "t1", "content": content}


@pytest.mark.parametrize(
    "asked",
    [
        user({"type": "text", "text": EMERGENCY}),
        user(result(EMERGENCY)),
        user(result([{"type": "text", "text": EMERGENCY}])),
    ],
    ids=["text", "result", "result in blocks"],
)
def test_every_text_of_the_caller_is_screened(gateway: Gateway, asked: dict[str, Any]) -> None:
    """Also where this API has it in other places than the others."""
    answer = WHOLE.ask(gateway.client, **asked)

    assert answer.headers["x-mmhie-notices"] == "MED101"
    assert [notice["id"] for notice in answer.json()["mmhie"]["notices"]] == ["MED101"]


@pytest.mark.parametrize("surface", BOTH, ids=name_of)
@pytest.mark.parametrize(
    ("asked", "status", "kind"),
    [
        ({"model": CANARY}, 404, "not_found_error"),
        ({"temperature": -1}, 400, "invalid_request_error"),
        ({"max_tokens": CANARY}, 400, "invalid_request_error"),
    ],
)
def test_errors_are_anthropics(
    gateway: Gateway, surface: Surface, asked: dict[str, Any], status: int, kind: str
) -> None:
    """The gateway's own and the engine's, whichever of its two shapes that has."""
    answer = surface.ask(gateway.client, **asked)

    assert answer.status_code == status
    assert answer.json()["type"] == "error"
    assert answer.json()["error"]["type"] == kind
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
    assert CANARY not in answer.text


NO_OBJECT = (
    "1 validation error for AnthropicContentBlock\ninput\n  Input should be a valid dictionary"
)


@pytest.mark.parametrize("said", ["Expecting value: line 1 column 7 (char 6)", NO_OBJECT])
@pytest.mark.parametrize("surface", ON_V1, ids=name_of)
def test_a_tool_call_that_the_model_breaks(
    gateway: Gateway, engine: FakeEngine, surface: Surface, said: str
) -> None:
    """vLLM answers what its parser says of the model's own words, as a 400; elsewhere it may be of
    the caller's."""
    broken = {"error": {"message": said, "type": "BadRequestError", "code": 400}}
    engine.next(fault="status", status=400, body=json.dumps(broken))
    answer = surface.ask(gateway.client)

    is_ours = surface in BOTH
    assert answer.status_code == (502 if is_ours else 400)
    assert (error_of(answer)["code"] == "engine_rejected") == is_ours
    assert (said[:9] in answer.text) != is_ours


@pytest.mark.parametrize("path", [MESSAGES, f"{MESSAGES}?beta=true"])
def test_the_key_may_be_in_either_header(
    start: Start, engine: FakeEngine, tmp_path: Path, path: str
) -> None:
    """`x-api-key`, as Anthropic's clients send it, or a bearer; without one, 401 in its shape."""
    secret = add_key(tmp_path / "keys.json", "one", "openai")
    gateway = start(engine.url, MMHIE_KEYS_FILE=str(tmp_path / "keys.json")).wait()
    keys: tuple[dict[str, str], ...] = ({"x-api-key": secret}, bearer(secret), {})
    answers = [gateway.client.post(path, json=WHOLE.body(), headers=key) for key in keys]

    assert [answer.status_code for answer in answers] == [200, 200, 401]
    assert answers[-1].json()["error"]["type"] == "authentication_error"


@pytest.mark.parametrize("surface", BOTH, ids=name_of)
def test_hidden_thinking(gateway_with: Shared, engine: FakeEngine, surface: Surface) -> None:
    """Its block stays, empty: clients count blocks."""
    gateway = gateway_with(MMHIE_REASONING="hide")
    engine.next(fault="reasoning")
    answer = surface.ask(gateway.client)

    assert answer.status_code == 200
    assert "about symptoms" not in answer.text
    assert '"thinking":""' in answer.text
    assert '"type":"text"' in answer.text


def test_a_refusal_that_comes_after_200_is_a_status(gateway: Gateway, engine: FakeEngine) -> None:
    """vLLM wraps it in a validation error of its own, with the request in it; a client that is
    told 400 does not try again."""
    quoted = f"1 validation error [input_value={{'error': {{'message': '{CANARY}', 'code': 400}}}}]"
    failed = {"type": "error", "error": {"type": "internal_error", "message": quoted}}
    event = f"event: error\ndata: {json.dumps(failed)}\n\n"
    head = f"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: {len(event)}"
    engine.next(fault="raw", body=f"{head}\r\n\r\n{event}")
    answer = BOTH[1].ask(gateway.client)

    assert answer.status_code == 400
    assert "without `stream`" in error_of(answer)["message"]
    assert CANARY not in answer.text
