"""Sixty wrong and sixty right answers: how many are caught, and how often rightly."""

import tomllib
from pathlib import Path
from typing import Any

from gateway.safety.output_checks.checks import CHECKS, checks_for
from gateway.settings.checks import OutputCheck

ANSWERS = tomllib.loads(Path(__file__).with_name("answers.toml").read_text("utf-8"))["request"]
# Not `instructions`: it speaks of the document, whatever the answer says.
OF_THE_ANSWER: tuple[OutputCheck, ...] = tuple(name for name in CHECKS if name != "instructions")


def fires(request: dict[str, Any], answer: str) -> bool:
    return bool(checks_for(OF_THE_ANSWER, [request["text"]]).warnings(answer))


def test_wrong_answers_are_caught() -> None:
    """Three in five of them, and nine in ten of the answers with a warning are wrong."""
    wrong = [fires(case, answer["text"]) for case in ANSWERS for answer in case["wrong"]]
    right = [fires(case, answer) for case in ANSWERS for answer in case["right"]]

    assert len(wrong) == len(right) == 60
    assert sum(wrong) >= 0.6 * len(wrong)
    assert sum(wrong) >= 0.9 * (sum(wrong) + sum(right))
