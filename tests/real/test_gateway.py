"""The gateway in front of a real vLLM: forms, timing, disconnects, refusals.

That the bytes are the engine's own is held by test_differential.py.
"""

import json
import re
import socket
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.contract.surfaces import (
    CHAT,
    GENERATE,
    STREAMS,
    SURFACES,
    Surface,
    events,
    name_of,
)
from tests.waiting import until

pytestmark = pytest.mark.slow

QUESTION = "Describe the human heart in detail."
PATIENCE_S = 900


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


def body_of(surface: Surface, model: str, prompt: str = QUESTION, **more: Any) -> dict[str, Any]:
    """A request for the served model."""
    named = {} if surface.path == GENERATE else {"model": model}
    return surface.body(prompt, **named, **more)


def counted(client: httpx2.Client, name: str) -> float:
    """Sum of a vLLM metric, as the gateway's /metrics shows it."""
    page = client.get("/metrics").text
    counts = re.findall(rf"^vllm:{name}\{{.*\}} (\S+)$", page, re.MULTILINE)
    return sum(map(float, counts))


def generated(client: httpx2.Client) -> float:
    """Tokens that the engine has generated in its life."""
    return counted(client, "generation_tokens_total")


def until_running(client: httpx2.Client, wanted: float) -> None:
    """Wait until the engine counts so many requests at work."""
    until(lambda: counted(client, "num_requests_running") == wanted)


@pytest.mark.parametrize("surface", STREAMS, ids=name_of)
def test_tokens_come_while_the_engine_works_on(
    client: httpx2.Client, model: str, surface: Surface
) -> None:
    """Three parts are here when the engine has not generated half of the tokens."""
    until_running(client, 0)
    before = generated(client)
    body = body_of(surface, model, **surface.limit(400), **surface.lasting)
    with client.stream("POST", surface.path, json=body, headers=surface.headers) as answer:
        parts = answer.iter_raw()
        assert all(next(parts) for _ in range(3))
        assert generated(client) - before < 200


def test_the_three_forms_say_the_same(client: httpx2.Client) -> None:
    """Greedy: JSON, SSE and text hold one answer."""
    asked = {"prompt": QUESTION, "max_tokens": 24}
    whole = client.post(GENERATE, json=asked).json()
    stream = client.post(GENERATE, json={**asked, "stream": True})
    text = client.post(GENERATE, json={**asked, "stream": True}, headers={"accept": "text/plain"})

    assert whole["text"].strip()
    assert "".join(event["delta"] for event in events(stream.content)[:-2]) == whole["text"]
    assert text.text.startswith(whole["text"])
    assert whole["usage"]["completion_tokens"] == 24


LEAVING = tuple(
    surface for surface in SURFACES if surface.path in (GENERATE, CHAT) and surface.form != "text"
)


@pytest.mark.parametrize("surface", LEAVING, ids=name_of)
@pytest.mark.parametrize("after", [0, 5], ids=["before a token", "in mid-stream"])
def test_leaving_frees_the_engine(
    stack: Any, client: httpx2.Client, model: str, surface: Surface, after: int
) -> None:
    """The engine stops before it has generated all the tokens that were asked for."""
    until_running(client, 0)
    before = generated(client)
    body = json.dumps(body_of(surface, model, **surface.limit(400), **surface.lasting)).encode()
    host, port = stack.base_url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=PATIENCE_S) as plug:
        head = f"POST {surface.path} HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n\r\n"
        plug.sendall(head.encode() + body)
        until_running(client, 1)
        if surface.form != "json":
            for _ in range(after):
                assert plug.recv(65536)

    until_running(client, 0)
    assert generated(client) - before < 400


SAY = [{"role": "user", "content": "Say hi."}]
