"""The published figures: they are those of this code, and none gets worse unseen."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from scripts.red_flags.contribution import contributions
from scripts.red_flags.evaluate import POLICY, RECORD, figures, interval, predictive
from tests.gateway.safety.red_flags.frozen import FOLDER, FOLDERS, RELEASES

POINTS = 0.03  # a share may be worse by so much before somebody has to look
PUBLISHED = json.loads(RECORD.read_text("utf-8"))
FIGURES = {
    FOLDER: PUBLISHED,
    **{folder: PUBLISHED["releases"][folder.name]["now"] for folder in RELEASES},
}
GOALS = (("en", 0.7), ("de", 0.7), ("es", 0.7), ("fr", 0.6))


def shares(figures: dict[str, Any], table: str) -> dict[tuple[str, bool], float]:
    (found,) = figures[table]
    return {(row["group"], row["emergency"]): row["fired"] / row["texts"] for row in found["rows"]}


@pytest.fixture(scope="module", params=FOLDERS, ids=lambda folder: folder.name)
def folder(request: pytest.FixtureRequest) -> Path:
    return request.param  # type: ignore[no-any-return]  # one of them


@pytest.fixture(scope="module")
def measured(folder: Path) -> dict[str, Any]:
    return figures(folder)


def test_no_language_gets_worse(folder: Path, measured: dict[str, Any]) -> None:
    """Neither the emergencies that are noticed, nor the other texts that are not."""
    now, before = shares(measured, "languages"), shares(FIGURES[folder], "languages")

    assert now.keys() == before.keys()
    for (language, is_emergency), share in now.items():
        worse = before[language, is_emergency] - share
        assert (worse if is_emergency else -worse) <= POINTS, (language, is_emergency)


def test_the_goals_are_met() -> None:
    """Over all sets together: seven of ten emergencies, six in French; one other text in twenty."""
    counts: Counter[tuple[str, bool, str]] = Counter()
    for row in (row for one in FIGURES.values() for row in one["languages"][0]["rows"]):
        counts[row["group"], row["emergency"], "fired"] += row["fired"]
        counts[row["group"], row["emergency"], "texts"] += row["texts"]

    for language, goal in GOALS:
        found, others = (
            counts[language, is_emergency, "fired"] / counts[language, is_emergency, "texts"]
            for is_emergency in (True, False)
        )
        assert found >= goal, language
        assert others <= 0.05, language


def test_what_a_rule_adds() -> None:
    """A text that another rule or the classifier notices anyway is not a rule's alone."""
    texts = [
        ("My leg is cold, white and I cannot feel my toes since an hour.", True),
        ("I have crushing chest pain and I am sweating.", True),
        ("The weather is nice.", False),
    ]
    rows = {row["rule"]: row for row in contributions(texts, POLICY)}

    assert rows["MED101"] == {
        "rule": "MED101",
        "right": 1,
        "wrong": 0,
        "right_alone": 0,
        "wrong_alone": 0,
    }
    assert sum(row["right"] + row["wrong"] for row in rows.values()) == 1


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"), [(0, 0, 0, 1), (0, 20, 0, 0.161), (10, 20, 0.299, 0.701)]
)
def test_wilsons_interval(hits: int, of: int, low: float, high: float) -> None:
    """Known values; Wilson EB, J Am Stat Assoc 1927;22:209-212."""
    assert interval(hits, of) == pytest.approx((low, high), abs=0.001)


def test_predictive_value() -> None:
    """At 1 % emergencies, four notices in five of a good test are wrong."""
    assert predictive(0.8, 0.05, 0.01) == pytest.approx(0.139, abs=0.001)
    assert predictive(0, 0, 0.5) == 0
