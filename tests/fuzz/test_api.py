"""The API's own description turned against it: a status below 500, and our shape of error."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest
import schemathesis
import schemathesis.specs.openapi.schemas  # deep in a test, Python 3.11 fails to compile it
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode

from tests.contract.process import Gateway
from tests.contract.surfaces import CHAT, COMPLETIONS, GENERATE, MESSAGES, RESPONSES, checked
from tests.fake_engine.process import FakeEngine
from tests.waiting import PATIENCE_S

QUIET = list(HealthCheck)
# What the OpenAI paths read, which their description leaves open, and what breaks readers of it.
FIELDS = (
    *("model", "messages", "prompt", "input", "stream", "stream_options", "n", "max_tokens"),
    *("max_completion_tokens", "max_output_tokens", "temperature", "seed", "stop", "tools"),
    *("tool_choice", "response_format", "cache_salt", "priority", "reasoning_effort", "user"),
    *("system", "thinking", "output_config", "stop_sequences"),
    *("logprobs", "top_logprobs", "include", "mmhie", "metadata", "instructions", "suffix", "echo"),
)
TURNS = (
    {"role": "user", "content": "chest pain"},
    {"role": "user", "content": [{"type": "text", "text": "since noon"}]},
    {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "http://a/"}}]},
    {"role": "user"},
    {"content": None},
    {"role": 5, "content": {"a": []}},
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from(["fake-model", "auto", "required", "user", *TURNS, {"include_usage": True}]),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
UNBOUNDED = ("n", "logprobs", "top_logprobs")  # vLLM has limits of its own, the fake engine none
# Not served at all; an engine whose answer ended at its first word, by the caller's own `stop`.
NO_FAULT = ("embeddings_not_served", "feedback_not_taken", "no_answer")
GOOD: dict[str, dict[str, Any]] = {
    GENERATE: {"prompt": "Summarise."},
    CHAT: {"model": "fake-model", "messages": [TURNS[0]]},
    COMPLETIONS: {"model": "fake-model", "prompt": "Summarise."},
    RESPONSES: {"model": "fake-model", "input": "Summarise."},
    MESSAGES: {"model": "fake-model", "messages": [TURNS[0]], "max_tokens": 9},
}


@dataclass
class Tried:
    """Requests sent, counted by outcome."""

    statuses: Counter[int] = field(default_factory=Counter)

    def note(self, status: int, body: bytes, what: str) -> None:
        """Raises AssertionError for a fault of ours, or an error in another shape."""
        self.statuses[status] += 1
        if status >= 400:
            told = json.loads(body)
            assert {"error"} == set(told) - {"type", "request_id"}, (what, body)
            assert status < 500 or checked(told["error"])["code"] in NO_FAULT, (what, status, body)


@pytest.fixture(scope="module")
def target(the_engine: FakeEngine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway whose log, at the end, has no fault in it."""
    the_engine.reset()  # faults that a test before did not use up
    gateway = Gateway(
        tmp_path_factory.mktemp("api"), the_engine.url, MMHIE_LOG_LEVEL="debug"
    ).wait()
    yield gateway
    gateway.stop()
    assert '"event":"fault"' not in gateway.log
    assert "Traceback" not in gateway.log


def by_description(url: str, examples: int, tried: Tried) -> None:
    """Every operation of the document, as it is described and against it."""
    document = schemathesis.openapi.from_url(f"{url}/openapi.json")
    for result in document.get_all_operations():
        assert isinstance(result, Ok)
        operation = result.ok()
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):

            @settings(
                max_examples=examples, deadline=None, database=None, suppress_health_check=QUIET
            )
            @given(operation.as_strategy(generation_mode=mode))
            def call(case: schemathesis.Case[Any]) -> None:
                answer = case.call()
                tried.note(answer.status_code, answer.content, case.path)

            try:
                call()
            except Unsatisfiable:  # nothing can be wrong with a request that has no parameters
                assert mode is GenerationMode.NEGATIVE


def by_fields(gateway: Gateway, path: str, examples: int, tried: Tried) -> None:
    """A good request with any JSON in some of the fields that are read."""

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        suppress_health_check=QUIET,
        phases=[Phase.generate],
    )
    @given(st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=4))
    def call(changed: dict[str, Any]) -> None:
        for name in UNBOUNDED:
            if isinstance(changed.get(name), int | float):
                changed[name] = max(1, min(int(changed[name]), 8))
        try:
            answer = gateway.client.post(path, json={**GOOD[path], **changed}, timeout=PATIENCE_S)
        except httpx2.TimeoutException:
            pytest.fail(f"no answer to {path} with {changed}")
        tried.note(answer.status_code, answer.content, f"{path} {changed}")

    call()


def by_method(gateway: Gateway, tried: Tried) -> None:
    """Every method on every path, and on some that are none."""
    paths = [*gateway.client.get("/openapi.json").json()["paths"], "/", "//", "/v1", "/%2e%2e", "*"]
    for path in paths:
        for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"):
            try:
                answer = gateway.client.request(method, path.replace("{model_id}", "a"))
            except httpx2.InvalidURL:
                continue
            tried.statuses[answer.status_code] += 1
            assert answer.status_code < 500 or answer.status_code == 501, (method, path)


def everything(gateway: Gateway, examples: int) -> Tried:
    tried = Tried()
    by_description(gateway.url, examples, tried)
    for path in GOOD:
        by_fields(gateway, path, examples, tried)
    by_method(gateway, tried)
    return tried


@pytest.mark.parametrize("examples", [3, pytest.param(75, marks=pytest.mark.slow)])
def test_nothing_sent_is_a_fault_of_ours(target: Gateway, examples: int) -> None:
    """A few of each kind; `make test-slow` tries thousands."""
    statuses = everything(target, examples).statuses

    assert statuses.total() > 13 * examples
    assert statuses[200] > examples
