"""JSON of vLLM's OpenAI API: keys are added, all other bytes stay the same."""

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.engine import openai_json
from gateway.errors import EngineGarbled
from tests.growth import best

LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8"), max_size=10)
    | st.sampled_from(["}", '{"response":{', '"}', ',"mmhie":', "\u2028", "\\"])
)
NAMES = st.text(st.characters(codec="utf-8"), max_size=6) | st.sampled_from(["}", "response", "{"])
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)
DOCUMENTS = st.dictionaries(NAMES, VALUES, max_size=4)
SPACE = st.sampled_from(["", " ", "\n", "\r\n\t "])
ADDITIONS = {"mmhie": {"disclaimer": 'Not "advice" }', "n": [1, {}]}}


def written(document: object, *, ascii_only: bool, indent: int | None) -> str:
    return json.dumps(document, ensure_ascii=ascii_only, indent=indent)


@given(
    document=DOCUMENTS,
    ascii_only=st.booleans(),
    indent=st.sampled_from([None, 0, 2]),
    before=SPACE,
    after=SPACE,
)
def test_append_adds_and_changes_nothing(
    document: dict[str, Any], ascii_only: bool, indent: int | None, before: str, after: str
) -> None:
    """For any object in any layout, the keys come last."""
    raw = (before + written(document, ascii_only=ascii_only, indent=indent) + after).encode()
    more = openai_json.append(raw, ADDITIONS)
    assert json.loads(more) == {**document, **ADDITIONS}
    end = raw.rindex(b"}")
    assert more.startswith(raw[:end])
    assert more.endswith(raw[end:])
    assert openai_json.append(raw, {}) is raw


@given(document=DOCUMENTS, extra=st.dictionaries(NAMES, VALUES, min_size=1, max_size=2))
def test_request_with_sets_keys(document: dict[str, Any], extra: dict[str, Any]) -> None:
    """Our values win; a body without these keys keeps its bytes."""
    raw = orjson.dumps(document)
    body = openai_json.request_with(raw, document, extra)
    assert orjson.loads(body) == {**document, **extra}
    if not document.keys() & extra.keys():
        assert body.startswith(raw[:-1])


@pytest.mark.parametrize(
    ("request_", "asks"),
    [
        ({}, True),
        ({"n": 2}, True),
        ({"stream_options": None}, True),
        ({"stream_options": {"include_usage": "false"}}, True),
        ({"stream_options": {"include_usage": None, "continuous_usage_stats": True}}, True),
        ({"stream_options": {"include_usage": True}}, False),
        ({"stream_options": {"include_usage": "true"}}, False),
        ({"stream_options": "all"}, False),
    ],
)
def test_usage_is_asked_for_where_the_caller_does_not(request_: dict[str, Any], asks: bool) -> None:
    """Booleans are read as by the engine; counts on every chunk are switched off."""
    extra = openai_json.with_usage(request_)
    assert bool(extra) is asks
    if asks:
        kept = request_.get("stream_options") or {}
        off = {"continuous_usage_stats": False} if "continuous_usage_stats" in kept else {}
        assert extra == {"stream_options": {**kept, "include_usage": True, **off}}


@given(
    response=DOCUMENTS,
    others=st.dictionaries(st.sampled_from(["type", "sequence_number", "z"]), LEAVES),
    compact=st.booleans(),
)
def test_inside_response_adds_and_changes_nothing(
    response: dict[str, Any], others: dict[str, Any], compact: bool
) -> None:
    """The keys come first in the `response` object, in any layout."""
    separators = (",", ":") if compact else None
    document = {**others, "response": response}
    raw = json.dumps(document, ensure_ascii=False, separators=separators).encode()
    event = b"event: response.created\ndata: " + raw + b"\n\n"
    more = openai_json.insert("response", event, ADDITIONS)
    told = json.loads(more.removeprefix(b"event: response.created\ndata: "))
    assert told == {**others, "response": {**ADDITIONS, **response}}
    added = orjson.dumps(ADDITIONS)[1:-1]
    assert more.replace(added + b",", b"", 1).replace(added, b"", 1) == event


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"1", b"null", b'{"a":NaN}', b"\xff{}"])
def test_what_is_no_object_is_garbled(content: bytes) -> None:
    """Another type raises EngineGarbled, as does an event without a `response` to label."""
    with pytest.raises(EngineGarbled):
        openai_json.parse(content)
    for event in (b"data: {}\n\n", b'data: {"response":null}\n\n', b""):
        with pytest.raises(EngineGarbled):
            openai_json.insert("response", event, ADDITIONS)


@pytest.mark.parametrize("number", ["18446744073709551616", "-9223372036854775809", "1" * 100])
def test_a_rewritten_body_keeps_its_integers(number: str) -> None:
    """The engine gets them unchanged, and refuses them itself."""
    body = b'{"seed": %b, "priority": 1, "text": "\\u00e9\xc3\xa9"}' % number.encode()
    sent = openai_json.request_with(body, openai_json.parse_request(body), {"priority": 2})

    assert json.loads(sent) == {"seed": int(number), "priority": 2, "text": "éé"}


@pytest.mark.parametrize(
    "rest",
    [
        "[" * 60 + "0," * 15_000 + "0" + "]" * 60,
        json.dumps(dict.fromkeys(map(str, range(149_000)))),
    ],
)
def test_a_body_with_a_long_integer_is_rewritten_soon(rest: str) -> None:
    """On the event loop; a large one in a thread, which holds all others up meanwhile."""
    body = b'{"seed": 18446744073709551616, "priority": 1, "x": %b}' % rest.encode()
    parsed = openai_json.parse_request(body)

    assert best(lambda _: openai_json.request_with(body, parsed, {"priority": 2}), 1) < 0.03


def test_a_body_nested_beyond_what_orjson_writes_is_sent() -> None:
    """The request policy limits the nesting, not the JSON library."""
    body = b'{"priority": 1, "deep": %b%b}' % (b"[" * 500, b"]" * 500)
    sent = openai_json.request_with(body, openai_json.parse_request(body), {"priority": 2})

    assert json.loads(sent)["priority"] == 2
