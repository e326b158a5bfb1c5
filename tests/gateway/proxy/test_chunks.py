"""Chat and text streams: labels on the first and the finishing chunk, all other bytes are
vLLM's."""

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import EngineGarbled, EngineRejected, GatewayError
from gateway.http import sse
from gateway.proxy.chunks import ChunkRelay
from gateway.proxy.output_policy import PLAIN, OutputPolicy
from gateway.safety.placement import Surroundings

KEY = b"k"
FIRST: dict[str, Any] = {
    "disclaimer": {"id": "notice", "version": "1", "sha256": "ab", "text": "Not advice."},
    "notices": [{"id": "MED101"}],
    "provenance": {"request_id": "id-1"},
}
DISCLAIMER = b'"text":"Not advice."'
FINGERPRINT = "vllm-0.32.0-tp1"
USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}

Chunk = dict[str, Any]


def chunk(*choices: Chunk, **more: Any) -> Chunk:
    return {"id": "c1", "object": "chat.completion.chunk", "choices": list(choices), **more}


def said(text: str | None, finish: str | None = None, index: int = 0, **more: Any) -> Chunk:
    return {"index": index, "delta": {"content": text, **more}, "finish_reason": finish}


USAGE_CHUNK = chunk(usage=USAGE, system_fingerprint=FINGERPRINT)


def relay_all(
    events: list[bytes], *, took_usage: bool, policy: OutputPolicy = PLAIN
) -> tuple[list[bytes], ChunkRelay]:
    relay = ChunkRelay(FIRST, took_usage=took_usage, policy=policy)
    return [out for event in events if (out := relay.relay(event))], relay


def relayed(
    *chunks: Chunk, took_usage: bool = False, policy: OutputPolicy = PLAIN
) -> tuple[list[Chunk], ChunkRelay]:
    """Return the chunks that a caller gets, and the relay."""
    events = [sse.encode(each) for each in chunks]
    sent, relay = relay_all([*events, sse.DONE], took_usage=took_usage, policy=policy)
    whole = sse.EventBuffer().feed(b"".join(sent))
    assert whole.pop() == sse.DONE
    return [json.loads(sse.payload(event)) for event in whole], relay


def without_label(one: Chunk) -> Chunk:
    return {name: value for name, value in one.items() if name != "mmhie"}


def digests(relay: ChunkRelay) -> set[str]:
    """Return the different digests of the choices' text."""
    return {final["provenance"]["output_digest"] for final in relay.finals}


def test_one_choice_ending_ends_no_other_in_its_chunk() -> None:
    """Several choices may share a chunk; each has its own end."""
    out, relay = relayed(
        chunk(said("a", "stop", index=0), said("b", index=1)), chunk(said("c", "stop", index=1))
    )
    assert len(digests(relay)) == 2
    assert {**relay.finals[1], **out[1]["mmhie"]} == out[1]["mmhie"]


def test_a_chunk_after_the_finishing_one_does_not_overtake_it() -> None:
    """Some engines send two finishing chunks; neither is lost."""
    chunks = [chunk(said("a", "stop")), chunk(said("", "stop")), chunk(said(None))]
    out, _ = relayed(*chunks, USAGE_CHUNK, took_usage=True)
    assert [each["choices"] for each in out] == [each["choices"] for each in chunks]


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"{", EngineGarbled),
        (b"[1]", EngineGarbled),
        (b'{"error": {"message": "chest pain"}}', EngineRejected),
        (b'{"choices": 1}', EngineGarbled),
        (b'{"choices": [{"index": [], "delta": {}}]}', EngineGarbled),
        (b'{"choices": [{"index": 0, "delta": "text"}]}', EngineGarbled),
        (b'{"choices": [{"index": 0, "delta": {"content": [1]}}]}', EngineGarbled),
    ],
)
def test_nonsense_is_named(content: bytes, kind: type[GatewayError]) -> None:
    """Invalid events raise an error that does not repeat them."""
    relay = ChunkRelay(FIRST, took_usage=True)
    with pytest.raises(kind) as raised:
        relay.relay(b"data: " + content + b"\n\n")
    assert "chest" not in raised.value.message


def test_a_fault_of_the_request_found_late_is_the_callers() -> None:
    """vLLM may send 200 and then a 400 as the first chunk: type, param and code stay, the message
    is redacted."""
    relay = ChunkRelay(FIRST, took_usage=True)
    error = {"message": "not a regex: (chest pain", "type": "BadRequestError", "param": "regex"}
    with pytest.raises(GatewayError) as raised:
        relay.relay(sse.encode({"error": {**error, "code": 400}}))
    told = raised.value.envelope()["error"]
    assert raised.value.status == 400
    assert told == {**error, "message": "not a regex: ([...])", "code": 400}


# A `<` may begin a marker and waits for the next chunk: the tests below, and the guard's own.
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="<"), max_size=8)
DELTAS = st.fixed_dictionaries(
    {},
    optional={
        "role": st.just("assistant"),
        "content": st.none() | TEXTS,
        "reasoning": st.none() | st.text(st.characters(codec="utf-8"), max_size=8),
        "tool_calls": st.just([{"index": 0, "function": {"arguments": '{"mmhie":'}}]),
    },
)


@given(
    deltas=st.lists(st.tuples(st.integers(0, 1), DELTAS), max_size=8),
    choices=st.integers(1, 2),
    has_usage=st.booleans(),
    took_usage=st.booleans(),
    text=st.sampled_from(["end", None]),
)
def test_any_stream(
    deltas: list[Any], choices: int, has_usage: bool, took_usage: bool, text: str | None
) -> None:
    """One disclaimer, a closing label for each choice, and all other bytes in order."""
    chunks = [chunk({"index": index % choices, "delta": delta}) for index, delta in deltas]
    chunks += [chunk(said(text, "stop", index=index)) for index in range(choices)]
    usage = [chunk(usage=USAGE)] if has_usage else []
    events = [sse.encode(each) for each in [*chunks, *usage]]
    sent, relay = relay_all([*events, sse.DONE], took_usage=took_usage)
    data = b"".join(sent)
    assert data.count(DISCLAIMER) == 1
    assert DISCLAIMER in sent[0]
    assert len(relay.finals) == choices
    expected = events[: len(chunks)] if took_usage else events
    *others, last = sse.EventBuffer().feed(data)  # what was held comes with the terminator
    assert last == sse.DONE
    bare = [orjson.dumps(without_label(json.loads(sse.payload(each)))) for each in others]
    assert bare == [sse.payload(event) for event in expected]


def test_finishing_chunks_of_several_choices_wait_for_the_usage_chunk() -> None:
    """They get its fingerprint; the other choice continues meanwhile, and the first chunk that is
    sent has the disclaimer."""
    parts = said("a", "stop", index=0), said("b", index=1), said("c", "length", index=1)
    out, relay = relayed(*map(chunk, parts), USAGE_CHUNK, took_usage=True)

    assert [chunk["choices"][0]["index"] for chunk in out] == [1, 0, 1]
    assert [chunk.get("system_fingerprint") for chunk in out] == [None, FINGERPRINT, FINGERPRINT]
    assert "disclaimer" in out[0]["mmhie"]
    assert [final["truncated"] for final in relay.finals] == [None, "in_answer"]
    assert relay.usage == USAGE_CHUNK["usage"]


def texts(out: list[Chunk]) -> str:
    return "".join(c["choices"][0]["delta"].get("content") or "" for c in out if c.get("choices"))


def test_the_disclaimer_surrounds_the_text_once() -> None:
    """Before the first word and after the last; the digest is of the model's words only."""
    policy = OutputPolicy(around=Surroundings("Mind: ", " Ask a doctor."))
    parts = [chunk(said("")), chunk(said("a")), chunk(said("b")), chunk(said("", "stop"))]
    out, placed = relayed(*parts, USAGE_CHUNK, took_usage=True, policy=policy)
    _, plain = relayed(*parts, USAGE_CHUNK, took_usage=True)

    assert texts(out) == "Mind: ab Ask a doctor."
    assert placed.finals == plain.finals
    call = {"tool_calls": [{"function": {"name": "f", "arguments": "{"}}]}  # for a program
    parts = [chunk({"index": 0, "delta": call}), chunk(said(None, "tool_calls"))]
    out, _ = relayed(*parts, USAGE_CHUNK, took_usage=True, policy=policy)
    assert "doctor" not in str([c["choices"] for c in out])


def test_choices_nobody_asked_for_are_a_fault() -> None:
    """The number of choices is bounded, since the state of each is stored."""
    relay = ChunkRelay(FIRST, took_usage=False)
    for index in range(16):
        relay.relay(sse.encode(chunk(said("a", index=index))))
    for many in ([said("a", index=16)], [said("a")] * 17):
        with pytest.raises(EngineGarbled):
            relay.relay(sse.encode(chunk(*many)))
