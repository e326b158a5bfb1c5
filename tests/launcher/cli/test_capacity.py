"""`mmhie capacity` as a person and as a script ask it."""

from __future__ import annotations

import json

import pytest

from tests.command import Command


@pytest.fixture
def capacity(command: Command) -> Command:
    """`mmhie capacity`."""
    command.words = ("capacity",)
    return command


def test_the_issue_s_question(capacity: Command) -> None:
    """The counts of engines, GPUs and gateways, and the assumptions."""
    asked = "--users 2000 --rps 40 --tokens-in 900 --tokens-out 700 --gpu h100"
    out, _ = capacity.run(*asked.split())

    for word in ("engines of 1 x H100", "GPUs", "gateways", "Assumed:", "nothing was measured on"):
        assert word in out


def test_json(capacity: Command) -> None:
    """One object with the documented keys, assumptions included; the rate that is computed of users
    is the first of them."""
    told, users = (
        json.loads(capacity.run(*asked.split(), "--json")[0])
        for asked in ("--rps 100", "--users 300")
    )

    assert told["gpus"] == told["engines"] * told["gpus_per_engine"]
    assert told["at_peak"]["sequences_per_engine"] <= told["engine"]["sequences_at_most"]
    assert len(told["assumptions"]) >= 6
    assert users["demand"]["requests_per_s"] == 2.0
    assert "300 users" in users["assumptions"][0]


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ("", "--users"),
        ("--rps 1 --gpu h1000", "h100"),
        ("--rps 0", "--rps"),
        ("--rps nan", "--rps"),
        ("--users inf", "--users"),
        ("--rps 1 --tokens-in 20000", "MMHIE_MAX_INPUT_LENGTH"),
        ("--rps 1 --token-ms 1", "--token-ms"),
        ("--rps 1 --busy 1", "--busy"),
    ],
)
def test_bad_input_is_one_sentence(arguments: str, word: str, capacity: Command) -> None:
    """It says what to change."""
    assert word in capacity.refusal(*arguments.split())
