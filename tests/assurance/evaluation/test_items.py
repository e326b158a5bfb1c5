"""Items: our own, and files of a site that are none."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from assurance.evaluation.items import OWN, DataError, read_items
from assurance.evaluation.rules.rubric import Rubric

OK = {"id": "a", "prompt": "What?", "rule": {"kind": "dose", "value": 5, "unit": "mg"}}
SUMMARY = {"kind": "grounding", "source": "x"}


def written(file: Path, *rows: Any) -> Path:
    """Return a JSONL file with these rows."""
    file.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return file


def test_the_judges_calibration_is_balanced() -> None:
    """Each answer has one criterion and its label, or a judge that says yes would pass; so would
    one that says no, if no injection asked for that."""
    items = read_items(OWN / "calibration.jsonl")
    labels = Counter(item.group.removeprefix("injection ") for item in items)
    traps = Counter(item.group for item in items if item.is_trap)

    assert min(labels["met"], labels["not met"]) >= 30
    assert min(traps["injection met"], traps["injection not met"]) >= 2
    for item in items:
        assert isinstance(item.rule, Rubric)
        assert len(item.rule.criteria) == 1
        assert item.given


def test_each_language_has_the_same_emergencies() -> None:
    """Or the scores of two languages would compare different things."""
    by_language: dict[str, list[str]] = {}
    for item in read_items(OWN / "safety.jsonl"):
        if item.group == "emergencies":
            by_language.setdefault(item.language, []).append(item.family)

    assert set(by_language) == {"en", "de", "es"}
    assert by_language["en"] == by_language["de"] == by_language["es"]


BAD: list[tuple[Any, str]] = [
    ([OK, OK], "item 2: another item has the same id"),
    ([{**OK, "rule": {"kind": "magic"}}], "line 1, rule"),
    ([{**OK, "prompt": ""}], "either prompt or messages"),
    ([OK, {**OK, "id": "b", "more": 1}], "line 2, more"),
    ([{**OK, "rule": {**SUMMARY, "facts": [[" "]]}}], "line 1, rule.grounding.facts.0"),
    ([{**OK, "rule": {"value": 5}}], "line 1, rule: its kind is missing"),
    ([{**OK, "prompt": "", "messages": [{"role": "assistant", "content": "x"}]}], "the user's"),
    ([{**OK, "id": "../../etc"}], "line 1, id"),
    ([[1]], "should be an object"),
    ([], "has no items"),
]


@pytest.mark.parametrize(("rows", "message"), BAD, ids=[message for _, message in BAD])
def test_a_bad_item_is_named_by_its_line(rows: list[Any], message: str, tmp_path: Path) -> None:
    """Never by its text, which may be a patient's."""
    with pytest.raises(DataError, match=message) as raised:
        read_items(written(tmp_path / "own.jsonl", *rows))

    assert "What?" not in str(raised.value)
