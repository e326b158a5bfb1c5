"""Tokens per minute include all tokens, in every form of a stream and for every ending."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import pytest

from gateway.principal import PrincipalLimits
from tests.contract.process import Gateway
from tests.contract.surfaces import CHAT, COMPLETIONS, GENERATE, RESPONSES
from tests.contract.surfaces import MESSAGES as ANTHROPIC
from tests.fake_engine.process import FakeEngine
from tests.gateway.audit.conftest import line_where, trail_settings
from tests.gateway.auth.conftest import add_key, bearer
from tests.waiting import until

MESSAGES = {"model": "fake-model", "messages": [{"role": "user", "content": "Why is it so?"}]}
PROMPTS = {"prompt": ["Why is it so?", "And since when?"], "max_tokens": 100}


def stream_with(**options: Any) -> dict[str, Any]:
    return {**MESSAGES, "stream": True, "stream_options": options}


FORMS: dict[str, tuple[str, dict[str, Any]]] = {
    "plain": (CHAT, {**MESSAGES, "stream": True}),
    "two choices": (CHAT, {**MESSAGES, "stream": True, "n": 2}),
    "two prompts": (COMPLETIONS, {**PROMPTS, "stream": True}),
    "true as a text": (CHAT, {**MESSAGES, "stream": "true"}),
    "refused": (CHAT, stream_with(include_usage=False)),
    "on every chunk": (CHAT, stream_with(include_usage=False, continuous_usage_stats=True)),
    "responses": (RESPONSES, {"model": "fake-model", "input": "Why?", "stream": True}),
    "messages": (ANTHROPIC, {**MESSAGES, "max_tokens": 100, "stream": True}),
    "generate": (GENERATE, {"prompt": "Why?", "max_tokens": 100, "stream": True}),
    "whole": (CHAT, MESSAGES),
}
FEW_TOKENS = 400  # enough for a few answers


@pytest.fixture(scope="module")
def keyed(the_engine: FakeEngine, tmp_path_factory: pytest.TempPathFactory) -> Iterator["Keyed"]:
    folder = tmp_path_factory.mktemp("keyed")
    with Keyed(folder, the_engine.url) as gateway:
        yield gateway.wait()


class Keyed(Gateway):
    """A gateway with a key for each test, and its audit trail."""

    def __init__(self, folder: Path, engine_url: str) -> None:
        self.keys = folder / "keys.json"
        self.trail = folder / "audit.jsonl"
        add_key(self.keys, "metrics", "metrics")
        settings = {"MMHIE_KEYS_FILE": str(self.keys), **trail_settings(self.trail)}
        super().__init__(folder, engine_url, **settings)

    def key(self, name: str, tokens: int) -> dict[str, str]:
        """Return headers with a new key and this limit of tokens per minute."""
        limits = PrincipalLimits(tokens_per_minute=tokens)
        headers = bearer(add_key(self.keys, name, "generate", "openai", limits=limits))
        until(lambda: self.client.get("/v1/models", headers=headers).status_code == 200)
        return headers

    def line(self, name: str, path: str = CHAT) -> dict[str, Any]:
        """Return the trail's line of that key's request."""
        return line_where(self.trail, client=name, route=path)


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_counted(keyed: Keyed, engine: FakeEngine, form: str) -> None:
    """The engine's counts are used; later requests are refused."""
    path, body = FORMS[form]
    headers = keyed.key(form.replace(" ", "-"), FEW_TOKENS)
    answer = keyed.client.post(path, json=body, headers=headers)

    assert answer.status_code == 200
    has_usage = path in (RESPONSES, GENERATE, ANTHROPIC) or form == "whole"
    assert b'"usage":{' not in answer.content or has_usage
    line = keyed.line(form.replace(" ", "-"), path)
    assert "tokens_estimated" not in line
    assert line["prompt_tokens"] > 0
    assert line["completion_tokens"] >= 24 * (2 if form == "two choices" else 1)
    until(partial(is_refused, keyed, headers, path, body))


@pytest.mark.parametrize("form", ["plain", "two choices", "responses", "messages", "generate"])
def test_leaving_early_is_counted(keyed: Keyed, engine: FakeEngine, form: str) -> None:
    """By the prompt's length and the received pieces; the trail marks the estimate."""
    path, body = FORMS[form]
    name = "early-" + form.replace(" ", "-")
    headers = keyed.key(name, FEW_TOKENS)
    engine.next(fault="gated")
    with keyed.client.stream("POST", path, json=body, headers=headers) as answer:
        engine.release(15)
        parts = answer.iter_raw()
        seen = b""
        while seen.count(b"data: ") < 10:
            seen += next(parts)

    line = keyed.line(name, path)
    assert line["outcome"] == "client_gone"
    assert line["tokens_estimated"] is True
    assert line["prompt_tokens"] >= len(orjson.dumps(body)) // 4
    assert line["completion_tokens"] >= 6  # four events of /v1/responses have no token
    until(partial(is_refused, keyed, headers, path, body))


def is_refused(
    keyed: Keyed, headers: dict[str, str], path: str = CHAT, body: dict[str, Any] = MESSAGES
) -> bool:
    return keyed.client.post(path, json=body, headers=headers).status_code == 429


def test_what_the_engine_refuses_costs_nothing(keyed: Keyed, engine: FakeEngine) -> None:
    """Failures of the engine cost nothing, either."""
    headers = keyed.key("unlucky", FEW_TOKENS)
    for status in (400, 500, 503) * 5:
        engine.next(fault="status", status=status)
        answer = keyed.client.post(CHAT, json=MESSAGES, headers=headers)
        assert answer.status_code in (400, 502, 503), answer.text

    assert keyed.client.post(CHAT, json=MESSAGES, headers=headers).status_code == 200


def test_an_engine_that_does_not_count(keyed: Keyed, engine: FakeEngine) -> None:
    """Its chunks are counted; metric and trail mark the estimate."""
    headers = keyed.key("uncounted", FEW_TOKENS)
    engine.options(usage=False)
    try:
        answer = keyed.client.post(CHAT, json={**MESSAGES, "stream": True}, headers=headers)
    finally:
        engine.options(usage=True)

    assert answer.status_code == 200
    line = keyed.line("uncounted")
    assert line["tokens_estimated"] is True
    assert line["completion_tokens"] == 24
    until(partial(is_refused, keyed, headers))
    assert "\nmmhie_estimated_tokens_total " in keyed.client.get("/metrics").text


@pytest.mark.parametrize("body", [MESSAGES, {**MESSAGES, "max_tokens": 60}])
def test_ten_at_once_exceed_nothing(keyed: Keyed, engine: FakeEngine, body: dict[str, Any]) -> None:
    """Each reserves its prompt and budget, or a quarter of the limit; the rest get 429."""
    name = f"ten-{len(body)}"
    headers = keyed.key(name, FEW_TOKENS)
    send = partial(keyed.client.post, CHAT, json={**body, "ignore_eos": True}, headers=headers)
    with ThreadPoolExecutor(10) as pool:
        answers = [job.result() for job in [pool.submit(send) for _ in range(10)]]

    usages = [answer.json()["usage"] for answer in answers if answer.status_code == 200]
    assert {answer.status_code for answer in answers} == {200, 429}
    assert len(usages) >= 2
    assert sum(usage["total_tokens"] for usage in usages) <= FEW_TOKENS


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (CHAT, {**MESSAGES, "max_tokens": FEW_TOKENS}),
        (CHAT, {**MESSAGES, "max_tokens": 100, "n": 4}),
        (CHAT, {**MESSAGES, "max_tokens": 100, "n": "9" * 4300}),  # longer numbers are no text
        (GENERATE, {"prompt": "Why?"}),  # 512 tokens by default
    ],
)
def test_more_than_the_whole_limit_is_refused_at_once(
    keyed: Keyed, path: str, body: dict[str, Any]
) -> None:
    """Waiting would not help: the status is 400, and the sentence has both numbers."""
    headers = keyed.key(f"whole-{len(str(body))}", FEW_TOKENS)
    answer = keyed.client.post(path, json=body, headers=headers)

    assert answer.status_code == 400
    assert f"this key has {FEW_TOKENS} per minute" in answer.json()["error"]["message"]
