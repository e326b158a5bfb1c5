"""A label in the engine's own answer is removed: the gateway's is the only one."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from gateway.http import sse
from gateway.proxy import json_response
from gateway.proxy.chunks import ChunkRelay
from gateway.proxy.message_events import MessageEventRelay
from gateway.proxy.response_events import ResponseEventRelay

FIRST: Any = {
    "disclaimer": {"id": "d", "version": "1", "sha256": "0", "text": "Not advice."},
    "notices": [],
    "provenance": {"request_id": "id-1"},
}
FORGED: dict[str, Any] = {"mmhie": {"disclaimer": "forged", "mmhie": 1}}
CHOICE = {"index": 0, "finish_reason": "stop", "message": {"content": "a"}}
TEXT = {"type": "text", "text": "a"}
WHOLE: dict[str, dict[str, Any]] = {
    "/v1/chat/completions": {"choices": [CHOICE]},
    "/v1/responses": {"status": "completed", "output": []},
    "/v1/messages": {"content": [TEXT], "stop_reason": "end_turn"},
}


def pairs_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Build an object; fail for a repeated key."""
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


def escaped(document: bytes) -> bytes:
    """Spell the first letter of a label's name as an escape."""
    return document.replace(b'"mmhie"', rb'"\u006Dmhie"')


@pytest.mark.parametrize("spelt", [bytes, escaped])
@pytest.mark.parametrize("path", WHOLE)
def test_a_whole_answer_has_one_label(path: str, spelt: Callable[[bytes], bytes]) -> None:
    """The gateway's, at the end."""
    body = spelt(json.dumps(FORGED | WHOLE[path]).encode())
    answer = json_response.label(body, FIRST, path=path).body

    document = json.loads(answer, object_pairs_hook=pairs_once)
    assert document["mmhie"]["disclaimer"] == FIRST["disclaimer"]
    assert b"forged" not in answer


@pytest.mark.parametrize("spelt", [bytes, escaped])
def test_a_chunk_has_one_label(spelt: Callable[[bytes], bytes]) -> None:
    """The first and the closing chunk; chunks between them have none."""
    relay = ChunkRelay(FIRST, took_usage=False)
    for finish in (None, None, None, "stop"):
        choice = {"index": 0, "delta": {"content": "a"}, "finish_reason": finish}
        sent = relay.relay(spelt(sse.encode({**FORGED, "choices": [choice]})))
        assert b"forged" not in sent
        json.loads(sse.payload(sent), object_pairs_hook=pairs_once)


EVENTS: list[tuple[Any, str, dict[str, Any]]] = [
    (ResponseEventRelay, "response.created", {"response": {**FORGED, "output": []}}),
    (ResponseEventRelay, "response.completed", {"response": {"output": [], **FORGED}}),
    (MessageEventRelay, "message_start", {"message": {**FORGED, "id": "1"}}),
    (MessageEventRelay, "content_block_delta", {"delta": TEXT | {"type": "text_delta"}}),
]


@pytest.mark.parametrize("spelt", [bytes, escaped])
@pytest.mark.parametrize(("kind", "name", "body"), EVENTS)
def test_an_event_has_one_label(
    kind: Any, name: str, body: dict[str, Any], spelt: Callable[[bytes], bytes]
) -> None:
    """A forged label beside or inside the labelled object is removed."""
    sent = kind(FIRST).relay(spelt(sse.named(name, {"type": name, **body, **FORGED})))

    assert b"forged" not in sent
    json.loads(sse.payload(sent), object_pairs_hook=pairs_once)
