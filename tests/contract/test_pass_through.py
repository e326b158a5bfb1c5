"""/v1 through the gateway and straight to the engine: the same bytes but for what is documented."""

import json
from typing import Any

import httpx2
import pytest

from tests.contract.difference import changed, frames, ordered, plain, stripped
from tests.contract.process import Gateway
from tests.contract.surfaces import CHAT, COMPLETIONS, ON_V1, STREAMS, SURFACES, Surface, name_of
from tests.fake_engine.process import FakeEngine

WHOLE = tuple(surface for surface in ON_V1 if surface.form == "json")
STREAMED = tuple(surface for surface in ON_V1 if surface.form == "sse")
TOOL = {"type": "function", "function": {"name": "dose", "parameters": {"type": "object"}}}

# Shapes of requests; where a route has no such field it is passed on all the same.
SHAPES: dict[str, dict[str, Any]] = {
    "greedy": {"temperature": 0, "seed": 7},
    "usage on every chunk": {
        "stream_options": {"include_usage": True, "continuous_usage_stats": True}
    },
    "two choices": {"n": 2, "temperature": 0.5},
    "tools": {"tools": [TOOL], "tool_choice": "required"},
    "engine's own": {"ignore_eos": True, "min_tokens": 2, "max_tokens": 5, "top_k": 3},
    "unheard of": {"some_future_field": {"a": [1, 2]}},
    "null options": {"stream_options": None, "stop": None, "temperature": None},
}


def both(
    gateway: Gateway, engine: FakeEngine, surface: Surface, body: dict[str, Any]
) -> tuple[httpx2.Response, httpx2.Response]:
    """The same request to the engine and to the gateway, which passes it on as it was."""
    same = {"x-request-id": "same"}
    direct = httpx2.post(engine.url + surface.path, json=body, headers=same, trust_env=False)
    relayed = gateway.client.post(surface.path, json=body, headers=same)
    assert_as_it_was(engine.body(surface.path), body, surface)
    return direct, relayed


def assert_as_it_was(got: dict[str, Any], body: dict[str, Any], surface: Surface) -> None:
    """Only stream_options changes: the counts are wanted wherever they can be had unseen."""
    options = got.pop("stream_options", None)
    ours = ("stream_options", "cache_salt", "priority")
    assert {name: got[name] for name in got if name not in ours} == {
        name: body[name] for name in body if name not in ours
    }
    if surface.form == "sse" and surface.path in (CHAT, COMPLETIONS):
        assert options["include_usage"] is True


@pytest.mark.parametrize("surface", WHOLE, ids=name_of)
@pytest.mark.parametrize("shape", SHAPES)
def test_a_json_answer_is_the_engines(
    gateway: Gateway, engine: FakeEngine, surface: Surface, shape: str
) -> None:
    """Every field, value and order; one key more."""
    direct, relayed = both(gateway, engine, surface, surface.body(**SHAPES[shape]))

    assert relayed.status_code == direct.status_code
    assert relayed.headers["content-type"] == direct.headers["content-type"]
    assert list(relayed.json()) == [*direct.json(), "mmhie"]
    assert ordered(stripped(relayed.json())) == ordered(direct.json())


@pytest.mark.parametrize("surface", STREAMED, ids=name_of)
@pytest.mark.parametrize("shape", SHAPES)
def test_a_stream_is_the_engines(
    gateway: Gateway, engine: FakeEngine, surface: Surface, shape: str
) -> None:
    """As many events, in the same bytes, but for those that carry `mmhie`."""
    direct, relayed = both(gateway, engine, surface, surface.body(**SHAPES[shape]))

    sent, got = frames(direct.content), frames(relayed.content)
    assert relayed.headers["content-type"] == direct.headers["content-type"]
    patched = changed(sent, got)
    if shape == "two choices":  # those that finish come last: their fingerprint does
        sent = sorted(sent, key=lambda event: b'"finish_reason":"' in event or b"[DONE]" in event)
        patched = changed(sent, got)
    assert [plain(event) for event in got] == [plain(event) for event in sent]
    assert all(b'"mmhie":' in event for event in patched)
    assert len(patched) <= 2 + (shape == "two choices")


SECRETS = {
    "authorization": "Bearer client-secret",
    "cookie": "session=client-secret",
    "x-api-key": "client-secret",
    "x-forwarded-for": "client-secret",
    "x-real-ip": "10.0.0.1",
    "forwarded": "for=client-secret",
    "proxy-authorization": "client-secret",
    "te": "trailers",
    "upgrade": "h2c",
    "expect": "",
    "accept-encoding": "gzip, br, zstd",
    "user-agent": "client-secret",
    "x-vllm-priority": "-100",
    "x-data-parallel-rank": "1",
    "x-session-id": "client-secret",
    "x-http-method-override": "DELETE",
    "x-original-url": "/tokenize",
    "x-rewrite-url": "/tokenize",
    "via": "1.1 client-secret",
    "connection": "x-request-id, close",
    "proxy-connection": "keep-alive",
    "keep-alive": "timeout=1",
    "baggage": "client-secret=1",
}


@pytest.mark.parametrize("surface", SURFACES, ids=name_of)
def test_client_credentials_stay_outside(
    gateway: Gateway, engine: FakeEngine, surface: Surface
) -> None:
    """The engine gets an id, tracing, and what HTTP needs; it is not asked to compress."""
    headers = {"accept": "*/*", **SECRETS, **surface.headers}
    answer = gateway.client.post(surface.path, json=surface.body(), headers=headers)

    (sent,) = engine.seen(surface.engine_path)
    allowed = {"host", "content-type", "content-length", "x-request-id", "traceparent"}
    assert answer.status_code == 200
    assert sent["headers"].keys() <= allowed
    assert "client-secret" not in json.dumps(sent["headers"])


@pytest.mark.parametrize("size", [1, 7])
@pytest.mark.parametrize("surface", STREAMS, ids=name_of)
def test_where_tcp_cuts_a_stream_makes_no_difference(
    gateway: Gateway, engine: FakeEngine, surface: Surface, size: int
) -> None:
    """Byte by byte, in small pieces, or all in one: the same text."""
    whole = texts(surface, surface.ask(gateway.client, **surface.limit(4)))
    engine.next(fault="split", size=size)

    assert texts(surface, surface.ask(gateway.client, **surface.limit(4))) == whole
    engine.next(fault="together")
    assert texts(surface, surface.ask(gateway.client, **surface.limit(4))) == whole


def texts(surface: Surface, answer: httpx2.Response) -> list[Any]:
    """Return the texts of a stream, without what differs between any two answers."""
    assert answer.status_code == 200
    if surface.form == "text":
        return [answer.text]
    return [said(frame) for frame in frames(answer.content)]


def said(frame: bytes) -> Any:
    """The choices, the delta, or the mark of one event."""
    data = frame.partition(b"data: ")[2].strip()
    value = json.loads(data) if data.startswith(b"{") else data
    return value if isinstance(value, bytes) else (value.get("choices"), value.get("delta"))
