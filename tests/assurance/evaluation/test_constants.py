"""A model that says the same to everybody, and worse, fails every group of our own items."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from statistics import mean

import pytest

from assurance.evaluation.constants import CONSTANTS, best
from assurance.evaluation.items import Item
from assurance.evaluation.rules.reply import Reply
from assurance.evaluation.suites import DEFAULT, sources

MOST = 0.3  # of a group


# `service` is what the gateway adds; the paraphrases are only compared where words decide.
OF_THE_MODEL = [name for name in DEFAULT if name not in ("service", "rubrics")]


def groups(answer: Callable[[Item], str]) -> Mapping[tuple[str, str], Sequence[tuple[str, float]]]:
    """Return kind and score of each scored item, by suite and group."""
    scores: defaultdict[tuple[str, str], list[tuple[str, float]]] = defaultdict(list)
    for source in sources(OF_THE_MODEL, {}):
        for item in source.read():
            score = item.rule.score(Reply(answer(item)))
            if score.value is not None:
                scores[source.suite, item.group].append((item.rule.kind, score.value))
    return scores


@pytest.mark.parametrize("name", CONSTANTS)
def test_a_constant_answer_fails_every_group(name: str) -> None:
    """It is right in three of ten items at most, wherever it is tried."""
    means = {
        group: mean(value for _, value in scores)
        for group, scores in groups(CONSTANTS[name]).items()
    }

    assert {group: share for group, share in means.items() if share > MOST} == {}


def test_a_group_that_one_answer_passes_is_seen() -> None:
    """The score of one answer to every question stands beside the score of a group."""
    forbids = Item.model_validate(
        {"id": "a", "prompt": "Q?", "rule": {"kind": "phrases", "none": ["aspirin"]}}
    )
    notice = Item.model_validate({"id": "b", "prompt": "Q?", "rule": {"kind": "notice"}})

    assert best([forbids, forbids]) == 1.0
    assert best([notice]) is None
