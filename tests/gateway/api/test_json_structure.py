"""The depth and the size of a JSON document."""

from collections import Counter
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.api.json_structure import (
    MOST_CONTAINERS,
    MOST_VALUES,
    PIECE_BYTES,
    check_values,
    is_deeper,
    outside_texts,
    pieces,
)
from gateway.errors import InvalidRequest
from tests.contract.process import Gateway
from tests.contract.surfaces import CHAT, GENERATE
from tests.fake_engine.process import FakeEngine
from tests.python_lines import lines_run


def inner_of(value: Any) -> list[Any]:
    """Return the members of a list or object."""
    return list(value.values() if isinstance(value, dict) else value)


def levels_of(value: Any) -> int:
    """Return the depth by a walk over the values."""
    if not isinstance(value, dict | list):
        return 0
    return 1 + max(map(levels_of, inner_of(value)), default=0)


AWKWARD = st.text('"\\\\[]{},:a', max_size=6)


VALUES = st.recursive(
    AWKWARD | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(AWKWARD, inner, max_size=3),
    max_leaves=12,
)


def test_depth_takes_no_walk() -> None:
    """A million values take a few passes in C, and no Python code for each."""
    assert is_deeper(b"[" * 500 + b"]" * 500, 499)
    wide = b"[" + b",".join([b"[" * 60 + b"]" * 60] * 15_000) + b"]"
    assert not is_deeper(wide, 64)
    assert lines_run(lambda: is_deeper(wide, 64)) < 300


def marks_of(value: Any) -> Counter[str]:
    """Count opening brackets and commas by a walk over the values."""
    if not isinstance(value, dict | list):
        return Counter()
    inner = inner_of(value)
    own = Counter({"[": 1, ",": max(0, len(inner) - 1)})
    return sum(map(marks_of, inner), own)


@given(VALUES)
def test_depth_and_size_whatever_the_texts_hold(value: Any) -> None:
    """Quotes, backslashes and brackets in texts and names change nothing."""
    document, levels = orjson.dumps(value), levels_of(value)
    marks, expected = outside_texts(document), marks_of(value)

    assert not is_deeper(document, levels)
    assert levels == 0 or is_deeper(document, levels - 1)
    assert (marks.count(b"["), marks.count(b",")) == (expected["["], expected[","])


@pytest.mark.parametrize("before_its_end", range(8))
def test_where_a_piece_ends(before_its_end: int) -> None:
    """Escapes stay whole, and a text may continue in the next piece."""
    text = "x" * (PIECE_BYTES - before_its_end) + '\\\\"[,\\' * 3
    value = [text, [1, 2], {text: text}, [[]]]
    marks, expected = outside_texts(orjson.dumps(value)), marks_of(value)

    assert (marks.count(b"["), marks.count(b",")) == (expected["["], expected[","])


@pytest.mark.parametrize("ending", [b"", b"\\", b"\\" * 3 * PIECE_BYTES])
def test_a_document_that_breaks_off(ending: bytes) -> None:
    """Within a text or an escape nothing is lost, and a run of backslashes is read only once."""
    document = b'[[],"' + b"x" * PIECE_BYTES + ending
    parts = list(pieces(document))

    assert b"".join(parts) == document
    assert len(parts) == 2
    assert outside_texts(document) == b"[[],"


def listed(item: bytes, number: int) -> bytes:
    """Return a request with this number of items."""
    return b'{"unknown":[' + b",".join([item] * number) + b"]}"


@pytest.mark.parametrize(
    ("item", "most"),
    [(b"[]", MOST_CONTAINERS - 2), (b"{}", MOST_CONTAINERS - 2), (b"0", MOST_VALUES)],
)
def test_as_many_values_as_are_taken(item: bytes, most: int) -> None:
    """One more is refused before it is parsed."""
    check_values(listed(item, most))
    with pytest.raises(InvalidRequest) as raised:
        check_values(listed(item, most + 1))
    assert "send less at once" in raised.value.message


@pytest.mark.parametrize("path", [GENERATE, CHAT])
def test_a_body_of_a_million_values_is_refused(
    gateway: Gateway, engine: FakeEngine, path: str
) -> None:
    """On both kinds of paths, with a remedy; the engine gets no request."""
    answer = gateway.client.post(path, content=listed(b"[]", 600_000))

    assert answer.status_code == 400
    assert "30,000 lists and objects" in answer.json()["error"]["message"]
    assert not engine.seen(CHAT)
