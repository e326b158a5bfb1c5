"""`mmhie card init` and `mmhie card check`, as a person and a program use them."""

import json
from pathlib import Path

import pytest

from launcher.cli import app
from tests.gateway.model_card.cards import KEY, card_file, report_file

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty folder, without a .env file of the project's."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MMHIE_AUDIT_KEY", KEY)


def run(*arguments: str) -> int:
    return app.exit_code(app.application(), ["card", *arguments])


def test_an_empty_card_is_valid_and_not_complete(capsys: Capture) -> None:
    """With --complete that is a negative result, and both name what is empty."""
    assert run("init", "card.toml", "--model", "ward/model") == 0
    assert run("check", "card.toml") == 0
    out = capsys.readouterr().out
    assert "card of ward/model is valid; 8 of 31 source attributes are answered, 8 of them" in out
    assert "empty: funding, 45 CFR 170.315(b)(11)(iv)(B)(1)(ii)" in out
    assert "local_fairness: Ask the same questions of women and men" in out

    assert run("check", "card.toml", "--complete") == 1
    assert "23 of 31 source attributes are empty: developer, funding" in capsys.readouterr().err


def test_a_card_that_is_there_is_kept(capsys: Capture) -> None:
    """Hours of somebody's work may be in it."""
    Path("card.toml").write_text("mine")

    assert run("init", "card.toml") == 2
    assert Path("card.toml").read_text() == "mine"
    assert "card.toml exists" in capsys.readouterr().err


def test_a_program_reads_what_is_missing(tmp_path: Path, capsys: Capture) -> None:
    """And whether the report's signature was verified."""
    report_file(tmp_path)
    card_file(tmp_path, report="evaluation.json")
    assert run("check", "card.toml", "--json") == 0
    document = json.loads(capsys.readouterr().out)

    assert document["source_attributes"] == 31
    assert len(document["missing"]) == 22
    assert document["answered_by_service"] == 8
    assert document["evaluation_verified"] is True


def test_a_report_of_another_key_is_found(tmp_path: Path, capsys: Capture) -> None:
    """Before the gateway refuses to start with it."""
    report_file(tmp_path, key="other" * 8)
    card_file(tmp_path, report="evaluation.json")

    assert run("check", "card.toml") == 2
    assert "was altered, or signed with another key" in capsys.readouterr().err
