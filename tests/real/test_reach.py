"""The walls in front of a real vLLM: which of its routes and fields are to be had, whose turn it
is, and that its work ends with whoever wanted it."""

from pathlib import Path
from typing import Any

import httpx2
import pytest

from gateway.api.request_policy import rules_for
from tests.contract.surfaces import (
    CHAT,
    COMPLETIONS,
    GENERATE,
    MESSAGES,
    RESPONSES,
    SURFACES,
    Surface,
    name_of,
)
from tests.gateway.auth.conftest import add_key, bearer
from tests.real.conftest import Begin, phase_file
from tests.real.stack import Stack
from tests.real.work import body_of, generated, until_running

pytestmark = pytest.mark.slow

REACHABLE = {
    ("POST", CHAT),
    ("POST", COMPLETIONS),
    ("POST", RESPONSES),
    ("POST", MESSAGES),
    ("POST", f"{MESSAGES}/count_tokens"),
    ("POST", "/tokenize"),
    ("POST", "/detokenize"),
    ("GET", "/v1/models"),
    ("GET", "/health"),  # the gateway's own readiness
}
SCHEMAS = {
    CHAT: "ChatCompletionRequest",
    COMPLETIONS: "CompletionRequest",
    RESPONSES: "ResponsesRequest",
    MESSAGES: "AnthropicMessagesRequest",
    f"{MESSAGES}/count_tokens": "AnthropicCountTokensRequest",
}
# Fields of vLLM's that go to it as they come. What is in neither list has not been decided.
PASSED = frozenset(
    {
        *("model", "stream", "stream_options", "temperature", "top_p", "top_k", "min_p", "seed"),
        *("user", "metadata", "service_tier", "store", "frequency_penalty", "presence_penalty"),
        *("repetition_penalty", "length_penalty", "repetition_detection", "tool_choice"),
        *("parallel_tool_calls", "max_tool_calls", "include", "instructions", "reasoning"),
        *("truncation", "reasoning_effort", "thinking_token_budget", "include_reasoning"),
        *("enable_response_messages", "use_beam_search", "watermarking", "ignore_eos", "echo"),
        *("suffix", "include_stop_str_in_output", "skip_special_tokens"),
        *("spaces_between_special_tokens", "truncate_prompt_tokens", "truncation_side"),
        *("add_generation_prompt", "continue_final_message", "add_special_tokens"),
        *("return_tokens_as_token_ids", "return_token_ids", "return_token_offsets"),
        *("return_prompt_text", "stream_interval", "prompt_cache_key", "thinking"),
    }
)
OURS = {"priority", "cache_salt"}  # set by the gateway
COUNTED = {"prompt"}  # its batch is, with n


@pytest.fixture(scope="module")
def described(direct: httpx2.Client) -> dict[str, Any]:
    """The engine's own description of itself."""
    document: dict[str, Any] = direct.get("/openapi.json").json()
    return document


def test_every_route_of_the_engine(client: httpx2.Client, described: dict[str, Any]) -> None:
    """Few of its many can be reached, in any case of what the caller may hold: here, anything."""
    routes = {
        (method.upper(), path) for path, methods in described["paths"].items() for method in methods
    }
    assert len(routes) > 20, routes
    assert routes >= REACHABLE
    reached = set()
    for method, path in sorted(routes):
        answer = client.request(method, path, json={} if method == "POST" else None)
        if answer.status_code not in (404, 405):
            reached.add((method, path))
        elif answer.status_code == 404:
            assert answer.json()["error"]["code"] == "not_found", (method, path)
    # The gateway's own page of that name has the engine's families in it.
    assert reached - {("GET", "/metrics")} == REACHABLE


@pytest.mark.parametrize("path", SCHEMAS)
def test_every_field_of_the_engine(described: dict[str, Any], path: str) -> None:
    """Is limited, refused, set by the gateway, or passed on knowingly: a new release of vLLM that
    brings another fails here until somebody has decided."""
    fields = set(described["components"]["schemas"][SCHEMAS[path]]["properties"])

    assert len(fields) > 5
    assert fields - rules_for(path).keys() - PASSED - OURS - COUNTED == set()


@pytest.mark.parametrize("surface", SURFACES, ids=name_of)
def test_a_timeout_frees_the_engine(
    stack: Stack, begin: Begin, client: httpx2.Client, model: str, surface: Surface
) -> None:
    """Of a whole answer, or of a first token that is not there at once: the error says so, and the
    engine stops before it has generated all the tokens that were asked for.

    A stream may have an event before its first token, or its first token at once; where that wins,
    the error is in band.
    """
    until_running(client, 0)
    before = generated(client)
    seconds = "1" if surface.form == "json" else "0.001"
    gateway = begin(stack, **phase_file(stack), MMHIE_TIMEOUT_SECONDS=seconds)
    body = body_of(
        surface, model, "Tell me of the heart. " * 60, **surface.limit(400), **surface.lasting
    )
    answer = gateway.client.post(surface.path, json=body, headers=surface.headers)

    assert "engine_timeout" in answer.text, answer.text[:500]
    assert answer.status_code == 504 or (surface.form == "sse" and answer.status_code == 200)
    until_running(client, 0)
    assert generated(client) - before < 400


def test_each_class_is_taken_by_the_engine(
    stack: Stack, begin: Begin, model: str, tmp_path: Path
) -> None:
    """The launcher starts vLLM by priority and says so; a class is a number that vLLM takes, and
    a number of the caller's own changes nothing."""
    assert stack.health()["served"]["priority"] is True
    keys = tmp_path / "keys.json"
    secrets = [
        add_key(keys, class_, "generate", "openai", priority=class_)
        for class_ in ("emergency", "routine", "batch")
    ]
    gateway = begin(stack, **phase_file(stack), MMHIE_KEYS_FILE=str(keys))
    for surface in SURFACES:
        said: dict[str, Any] = {} if surface.path == GENERATE else {"priority": 7}
        for secret in secrets:
            body = body_of(surface, model, **surface.limit(4), **said)
            headers = surface.headers | bearer(secret)
            answer = gateway.client.post(surface.path, json=body, headers=headers)
            assert answer.status_code == 200, answer.text[:500]
