"""`mmhie capacity` as a person and as a script ask it."""

from __future__ import annotations

import json

import pytest

from launcher.cli import app

WRONG = {
    "nothing asked": ([], "--users"),
    "no such gpu": (["--rps", "1", "--gpu", "h1000"], "h100"),
    "a rate of nothing": (["--rps", "0"], "--rps"),
    "no number": (["--rps", "nan"], "--rps"),
    "endless users": (["--users", "inf"], "--users"),
    "too long": (["--rps", "1", "--tokens-in", "20000"], "MMHIE_MAX_INPUT_LENGTH"),
    "too quick": (["--rps", "1", "--token-ms", "1"], "--token-ms"),
    "too busy": (["--rps", "1", "--busy", "1"], "--busy"),
}


def asked(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = app.exit_code(app.application(), ["capacity", *arguments])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_the_issue_s_question(capsys: pytest.CaptureFixture[str]) -> None:
    """The counts of engines, GPUs and gateways, and the assumptions."""
    code, out, _ = asked(
        capsys,
        *("--users", "2000", "--rps", "40", "--tokens-in", "900", "--tokens-out", "700"),
        *("--gpu", "h100"),
    )

    assert code == 0
    for word in ("engines of 1 x H100", "GPUs", "gateways", "Assumed:", "nothing was measured on"):
        assert word in out


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    """One object with the documented keys, assumptions included."""
    code, out, _ = asked(capsys, "--rps", "100", "--json")
    told = json.loads(out)

    assert code == 0
    assert told["gpus"] == told["engines"] * told["gpus_per_engine"]
    assert told["at_peak"]["sequences_per_engine"] <= told["engine"]["sequences_at_most"]
    assert len(told["assumptions"]) >= 6


def test_users_are_told_as_requests(capsys: pytest.CaptureFixture[str]) -> None:
    """The rate computed of them is the first assumption."""
    told = json.loads(asked(capsys, "--users", "300", "--json")[1])

    assert told["demand"]["requests_per_s"] == 2.0
    assert "300 users" in told["assumptions"][0]


@pytest.mark.parametrize("case", WRONG)
def test_bad_input_is_one_sentence(case: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2, and what to change."""
    arguments, word = WRONG[case]
    code, out, err = asked(capsys, *arguments)

    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert word in err
