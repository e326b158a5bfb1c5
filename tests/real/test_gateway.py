"""The gateway in front of a real vLLM: forms, timing, disconnects, and the engine's own bytes."""

import itertools
import json
import re
import socket
import time
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.contract.difference import changed, frames, ordered, plain, settled, stripped
from tests.contract.doors import (
    CHAT,
    COMPLETIONS,
    DOORS,
    GENERATE,
    RESPONSES,
    STREAMS,
    Door,
    error_of,
    events,
    mmhie_of,
    name_of,
)
from tests.contract.test_disclaimer import TEXT

pytestmark = pytest.mark.engine

QUESTION = "Describe the human heart in detail."
PATIENCE_S = 120


@pytest.fixture(scope="module")
def client(stack: Any) -> Iterator[httpx2.Client]:
    """A client of the gateway."""
    with httpx2.Client(base_url=stack.base_url, timeout=PATIENCE_S, trust_env=False) as opened:
        yield opened


@pytest.fixture(scope="module")
def direct(stack: Any) -> Iterator[httpx2.Client]:
    """A client of the engine itself, past the gateway."""
    transport = httpx2.HTTPTransport(uds=str(stack.engine_socket))
    key = {"authorization": f"Bearer {stack.engine_key}"}
    with httpx2.Client(
        transport=transport, base_url="http://engine", headers=key, timeout=PATIENCE_S
    ) as opened:
        yield opened


@pytest.fixture(scope="module")
def model(client: httpx2.Client) -> str:
    """The served model's public id."""
    return str(client.get("/v1/models").json()["data"][0]["id"])


def body_of(door: Door, model: str, prompt: str = QUESTION, **more: Any) -> dict[str, Any]:
    """A request for the served model."""
    named = {} if door.path == GENERATE else {"model": model}
    return door.body(prompt, **named, **more)


def running(client: httpx2.Client) -> float:
    """Requests at work in the engine, as the gateway's /metrics tells it."""
    page = client.get("/metrics").text
    found = re.findall(r"^vllm:num_requests_running\{.*\} (\S+)$", page, re.MULTILINE)
    return sum(map(float, found))


def until_running(client: httpx2.Client, wanted: float, seconds: float) -> None:
    """Wait for the engine's own count."""
    deadline = time.monotonic() + seconds
    while running(client) != wanted:
        assert time.monotonic() < deadline, f"still {running(client)} running"
        time.sleep(0.05)


@pytest.mark.parametrize("door", DOORS, ids=name_of)
def test_every_surface_answers(client: httpx2.Client, model: str, door: Door) -> None:
    """Words of the model, its disclaimer, and the headers."""
    body = body_of(door, model, **door.limit(8))
    answer = client.post(door.path, json=body, headers=door.headers)

    assert answer.status_code == 200, answer.text
    assert answer.headers["x-mmhie-ai-generated"] == "true"
    if door.form == "text":
        assert answer.text.rstrip("\n").endswith("\n\n" + TEXT)
        assert len(answer.text) > len(TEXT) + 4
    else:
        mmhie = mmhie_of(door, answer)
        assert mmhie["disclaimer"]["text"] == TEXT
        assert mmhie["truncated"] == "in_answer"
        assert mmhie["provenance"]["engine_version"]


@pytest.mark.parametrize("door", STREAMS, ids=name_of)
def test_the_first_token_is_here_long_before_the_last(
    client: httpx2.Client, model: str, door: Door
) -> None:
    """Forty tokens at the CPU's pace: they arrive one by one, over most of the whole time."""
    body = body_of(door, model, **door.limit(40))
    started = time.monotonic()
    with client.stream("POST", door.path, json=body, headers=door.headers) as answer:
        times = [time.monotonic() - started for _ in answer.iter_raw()]

    first, last = times[0], times[-1]
    assert len(times) >= 20
    assert first < last / 2, (first, last)
    assert max(after - before for before, after in itertools.pairwise(times)) < last / 2


def test_the_three_forms_say_the_same(client: httpx2.Client) -> None:
    """Greedy: JSON, SSE and text hold one answer."""
    asked = {"prompt": QUESTION, "max_tokens": 24}
    whole = client.post(GENERATE, json=asked).json()
    stream = client.post(GENERATE, json={**asked, "stream": True})
    text = client.post(GENERATE, json={**asked, "stream": True}, headers={"accept": "text/plain"})

    assert whole["text"].strip()
    assert "".join(one["delta"] for one in events(stream.content)[:-2]) == whole["text"]
    assert text.text.startswith(whole["text"])
    assert whole["usage"]["completion_tokens"] == 24


def test_too_long_is_413_with_the_engines_own_count(client: httpx2.Client) -> None:
    """Counted by the model's tokenizer, template included; nothing is generated."""
    answer = client.post(GENERATE, json={"prompt": "word " * 9000})

    assert answer.status_code == 413
    error = error_of(answer)
    assert error["code"] == "input_too_long"
    assert re.search(r"9\d{3}", error["message"]), error


LONG: dict[str, Any] = {"ignore_eos": True}
LEAVING = tuple(door for door in DOORS if door.path in (GENERATE, CHAT) and door.form != "text")


@pytest.mark.parametrize("door", LEAVING, ids=name_of)
@pytest.mark.parametrize("after", [0, 5], ids=["before a token", "in mid-stream"])
def test_leaving_frees_the_engine(
    stack: Any, client: httpx2.Client, model: str, door: Door, after: int
) -> None:
    """vllm:num_requests_running falls back to 0 long before the answer would have ended."""
    until_running(client, 0, 30)
    more = {} if door.path == GENERATE else LONG
    body = json.dumps(body_of(door, model, **door.limit(400), **more)).encode()
    host, port = stack.base_url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=PATIENCE_S) as plug:
        head = f"POST {door.path} HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n\r\n"
        plug.sendall(head.encode() + body)
        until_running(client, 1, 20)
        if door.form != "json":
            for _ in range(after):
                assert plug.recv(65536)

    until_running(client, 0, 4)


SAY = [{"role": "user", "content": "Say hi."}]
SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
FORMAT = {"type": "json_schema", "json_schema": {"name": "a", "schema": SCHEMA}}
TOOL = {"type": "function", "function": {"name": "dose", "parameters": SCHEMA}}
USAGE = {"stream_options": {"include_usage": True}}
CONTINUOUS = {"stream_options": {"include_usage": True, "continuous_usage_stats": True}}
GREEDY = {"temperature": 0, "max_tokens": 8}

# What is asked beside the prompt, on each route; every row is asked whole and as a stream.
CHATS: dict[str, dict[str, Any]] = {
    "plain": GREEDY,
    "one token": {"temperature": 0, "max_tokens": 1},
    "to its end": {"temperature": 0, "max_tokens": 60},
    "usage": GREEDY | USAGE,
    "usage on every chunk": GREEDY | CONTINUOUS,
    "logprobs": {**GREEDY, "logprobs": True, "top_logprobs": 2},
    "two choices": {"n": 2, "temperature": 0.8, "seed": 5, "max_tokens": 6},
    "seed": {"temperature": 0.9, "seed": 42, "max_tokens": 8},
    "stop string": {**GREEDY, "max_tokens": 40, "stop": ["!", "."]},
    "json schema": {**GREEDY, "max_tokens": 20, "response_format": FORMAT},
    "tools not used": {**GREEDY, "tools": [TOOL], "tool_choice": "none"},
    "tools if it likes": {**GREEDY, "tools": [TOOL], "tool_choice": "auto"},
    "logit bias": {**GREEDY, "logit_bias": {"9690": -100}},
    "penalties": {**GREEDY, "presence_penalty": 0.5, "repetition_penalty": 1.1},
    "engine's own": {**GREEDY, "ignore_eos": True, "min_tokens": 4, "top_k": 5},
    "token ids": {**GREEDY, "return_token_ids": True},
    "newer name": {"temperature": 0, "max_completion_tokens": 5},
    "unheard of": {**GREEDY, "some_future_field": [1]},
    "negative temperature": {"temperature": -1},
    "no room": {"max_tokens": 1_000_000},
    "greedy twice": {"temperature": 0, "n": 2},
}
TEXTS: dict[str, dict[str, Any]] = {
    "plain": GREEDY,
    "usage": GREEDY | USAGE,
    "echo with logprobs": {**GREEDY, "echo": True, "logprobs": 1},
    "two prompts": {**GREEDY, "prompt": ["One", "Two"]},
    "token ids as prompt": {**GREEDY, "prompt": [36218, 15876, 30]},
    "stop string": {**GREEDY, "stop": [","]},
    "negative temperature": {"temperature": -1},
}
ANSWERS: dict[str, dict[str, Any]] = {
    "plain": {"temperature": 0, "max_output_tokens": 8},
    "to its end": {"temperature": 0, "max_output_tokens": 60},
    "instructions": {"temperature": 0, "max_output_tokens": 6, "instructions": "Be brief."},
    "not stored": {"temperature": 0, "max_output_tokens": 4, "store": False},
    "turns": {"input": SAY, "temperature": 0, "max_output_tokens": 4},
    "negative temperature": {"temperature": -1},
}
TABLE = [
    (path, name, stream)
    for path, rows in ((CHAT, CHATS), (COMPLETIONS, TEXTS), (RESPONSES, ANSWERS))
    for name in rows
    for stream in (False, True)
]
ROWS = {CHAT: CHATS, COMPLETIONS: TEXTS, RESPONSES: ANSWERS}


@pytest.mark.parametrize(("path", "name", "stream"), TABLE)
def test_the_bytes_are_the_engines(
    client: httpx2.Client, direct: httpx2.Client, model: str, path: str, name: str, stream: bool
) -> None:
    """The same request past the gateway and through it: equal but for what is documented."""
    door = Door(name, path, "sse" if stream else "json")
    body = body_of(door, model, "Say hi.") | ROWS[path][name]
    direct.post(path, json=body)  # so that both find the same prefix in the cache
    sent, got = direct.post(path, json=body), client.post(path, json=body)

    assert got.status_code == sent.status_code, got.text
    assert got.headers["content-type"] == sent.headers["content-type"]
    if sent.status_code != 200:
        assert got.json() == sent.json()
    elif stream:
        same_stream(settled(sent.content), settled(got.content))
    else:
        same_document(settled(sent.content), settled(got.content))


def same_document(sent: bytes, got: bytes) -> None:
    """Every name, value and order; one key more."""
    assert list(json.loads(got)) == [*json.loads(sent), "mmhie"]
    assert ordered(stripped(json.loads(got))) == ordered(json.loads(sent))


def same_stream(sent: bytes, got: bytes) -> None:
    """Every event; those that are not the same bytes carry `mmhie`.

    The engine sends the tokens of several choices as they happen to come: each is compared alone.
    """
    before, after = sorted(frames(sent), key=choice_of), sorted(frames(got), key=choice_of)
    assert [plain(one) for one in after] == [plain(one) for one in before]
    patched = changed(before, after)
    assert 1 <= len(patched) <= 3
    assert all(b'"mmhie":' in one for one in patched)


def choice_of(frame: bytes) -> int:
    """The choice an event belongs to; those of none come last."""
    found = re.search(rb'"choices":\[\{"index":(\d+)', frame)
    return int(found[1]) if found else 99


def test_an_unknown_model_is_404_on_both(
    client: httpx2.Client, direct: httpx2.Client, model: str
) -> None:
    """The gateway says it in its own words: the engine's would repeat the caller's."""
    body = {"model": "nope", "messages": SAY}
    sent, got = direct.post(CHAT, json=body), client.post(CHAT, json=body)

    assert (sent.status_code, got.status_code) == (404, 404)
    assert "nope" not in got.text


def test_the_engines_own_words_do_not_repeat_the_caller(client: httpx2.Client, model: str) -> None:
    """vLLM quotes what it could not parse; that stays inside."""
    body = {"model": model, "messages": SAY, "temperature": "zebrafish7731"}
    answer = client.post(CHAT, json=body)

    assert answer.status_code == 400
    error_of(answer)
    assert "zebrafish7731" not in answer.text
