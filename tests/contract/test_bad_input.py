"""Bad input on every route: one error shape, the right status, no echo, the engine untouched."""

import json
from collections.abc import Mapping
from typing import Any

import httpx2
import pytest

from gateway.generate.request import GenerateRequest
from tests.contract.fixtures import Shared
from tests.contract.process import Gateway
from tests.contract.surfaces import (
    CHAT,
    COMPLETIONS,
    GENERATE,
    MESSAGES,
    RESPONSES,
    WHOLES,
    Surface,
    error_of,
    name_of,
)
from tests.fake_engine.process import FakeEngine

CANARY = "zebrafish7731"
DEPTH = 10_000
OPENAI = (CHAT, COMPLETIONS, RESPONSES)
POSTS = (GENERATE, *OPENAI)
COUNTS = ("/tokenize", "/detokenize", f"{MESSAGES}/count_tokens")

# A faulty field of /llm/generate: what is sent beside, or instead of, a prompt with the canary.
FIELDS: dict[str, Any] = {
    "prompt null": {"prompt": None},
    "prompt empty": {"prompt": ""},
    "max_tokens a word": {"max_tokens": CANARY},
    "temperature a word": {"temperature": CANARY},
    "stop a list of numbers": {"stop": [1, 2]},
    "unknown field": {"colour": CANARY},
    "unknown field named by the caller": {CANARY: 1},
    "disclaimer switched off": {"disclaimer": False},
    "max_tokens as text": {"max_tokens": "3"},
    "seed too large": {"seed": 2**63},
    "history of a system": {"history": [{"role": "system", "content": CANARY}]},
    "history with more": {"history": [{"role": "user", "content": "a", CANARY: 1}]},
}

# A body that is no request at all: on every route that takes one.
BODIES: dict[str, bytes] = {
    "no JSON": b"prompt=" + CANARY.encode(),
    "broken off": b'{"prompt": "' + CANARY.encode(),
    "lone surrogate": b'{"prompt": "' + CANARY.encode() + b'\\ud800"}',
    "nested objects": b'{"a":' * DEPTH + b"1" + b"}" * DEPTH,
    "NaN": b'{"prompt": "' + CANARY.encode() + b'", "temperature": NaN}',
}


def refused(
    engine: FakeEngine, answer: httpx2.Response, status: int, code: str = "invalid_request"
) -> Mapping[str, Any]:
    """The error object of a refusal, which quotes nothing; the engine was left in peace."""
    error = error_of(answer)
    assert (answer.status_code, error["code"]) == (status, code), error
    assert CANARY not in answer.text
    assert engine.stats["generations"] == 0
    return error


@pytest.mark.parametrize("name", FIELDS)
def test_a_faulty_field_is_422(gateway: Gateway, engine: FakeEngine, name: str) -> None:
    """/llm/generate names it, says no word of it, and asks the engine nothing."""
    answer = gateway.client.post(GENERATE, json={"prompt": CANARY, **FIELDS[name]})

    error, named = refused(engine, answer, 422), name.split()[0]
    assert named not in GenerateRequest.model_fields or error["param"] == named


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize("name", BODIES)
def test_a_body_that_is_no_request_is_400(
    gateway: Gateway, engine: FakeEngine, path: str, name: str
) -> None:
    """Every route that takes a body refuses it in the same way."""
    headers = {"content-type": "application/json"}
    answer = gateway.client.post(path, content=BODIES[name], headers=headers)

    refused(engine, answer, 400)


@pytest.mark.parametrize("surface", WHOLES[1:], ids=name_of)
def test_a_cap_on_answers(gateway_with: Shared, engine: FakeEngine, surface: Surface) -> None:
    """MMHIE_MAX_V1_TOKENS: over it is refused, none means it (16 for text completions)."""
    gateway = gateway_with(MMHIE_MAX_V1_TOKENS="20")
    error = refused(engine, surface.ask(gateway.client, **surface.limit(21)), 400)
    answered = surface.ask(gateway.client, max_tokens=None)

    assert "MMHIE_MAX_V1_TOKENS" in error["message"]
    assert answered.status_code == 200
    sent = engine.body(surface.path)
    told = sent.get("max_output_tokens") or sent.get("max_tokens")
    assert told == (16 if surface.path == COMPLETIONS else 20)


@pytest.mark.parametrize("path", OPENAI)
@pytest.mark.parametrize("stream", [False, True])
def test_an_unknown_model_is_404(
    gateway: Gateway, engine: FakeEngine, path: str, stream: bool
) -> None:
    """The engine is not asked, and the name is not repeated."""
    body = Surface("", path, "json").body(model=CANARY, stream=stream)

    refused(engine, gateway.client.post(path, json=body), 404, "model_not_found")


@pytest.mark.parametrize("path", [*POSTS, MESSAGES, *COUNTS])
@pytest.mark.parametrize("declared", [True, False], ids=["with a length", "in chunks"])
def test_a_body_over_the_limit_is_413(
    gateway: Gateway, engine: FakeEngine, path: str, declared: bool
) -> None:
    """A declared length is refused before the body is read, an undeclared one on the way."""
    big = json.dumps({"prompt": CANARY * 300_000}).encode()
    content = big if declared else iter([big[:1_500_000], big[1_500_000:]])

    refused(engine, gateway.client.post(path, content=content), 413, "body_too_large")


@pytest.mark.parametrize("stream", [False, True])
def test_a_prompt_over_the_limit_is_413_with_counts(
    gateway: Gateway, engine: FakeEngine, stream: bool
) -> None:
    """Tokens found and tokens allowed are both in the sentence."""
    prompt = f"{CANARY} " * 300
    answer = gateway.client.post(GENERATE, json={"prompt": prompt, "stream": stream})

    error = refused(engine, answer, 413, "input_too_long")
    assert "200" in error["message"]
    assert any(str(count) in error["message"] for count in range(300, 320)), error


def test_max_tokens_over_the_cap_names_the_cap(gateway: Gateway, engine: FakeEngine) -> None:
    """A smaller answer than was asked for would be a silent one: the caller chooses anew."""
    answer = gateway.client.post(GENERATE, json={"prompt": CANARY, "max_tokens": 513})

    error = refused(engine, answer, 422)
    assert error["param"] == "max_tokens"
    assert "512" in error["message"]
