"""`mmhie accept` as a person and a program use it: output and exit codes."""

import json
from pathlib import Path

import pytest

from assurance.acceptance.run import CHECKS
from tests.command import mmhie
from tests.contract.process import Gateway
from tests.fake_engine.process import FakeEngine

TIMED = ("streaming", "abort", "load")  # their figures need an engine that takes time
SKIPPED = [word for name in TIMED for word in ("--skip", name)]


def test_a_good_service_is_exit_code_0(tmp_path: Path, gateway: Gateway) -> None:
    """A line for each check and the verdict; as JSON with the facts of the service."""
    done = mmhie(tmp_path, "accept", "--url", gateway.url, *SKIPPED)
    as_json = mmhie(tmp_path, "accept", *SKIPPED, "--json", MMHIE_URL=gateway.url)
    result = json.loads(as_json.stdout)

    assert (done.returncode, as_json.returncode) == (0, 0), done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == result["verdict"]
    assert [finding["check"] for finding in result["findings"]] == list(CHECKS)
    assert result["has_passed"]
    assert result["facts"]["model"] == "fake-model"
    assert "All 14 surfaces carry the disclaimer." in done.stdout
    assert not as_json.stderr


def test_a_failed_check_is_exit_code_1(
    tmp_path: Path, gateway: Gateway, engine: FakeEngine
) -> None:
    """Named on standard error; as JSON, the object is complete."""
    engine.next(fault="say", tokens=["About", " 38."], times=-1)
    done = mmhie(tmp_path, "accept", "--url", gateway.url, *SKIPPED, "--json")

    assert done.returncode == 1
    assert "structured output" in done.stderr
    assert json.loads(done.stdout)["has_passed"] is False


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["--url", "http://127.0.0.1:9"], 1, "No service answers at"),
        (["--url", "ftp://host"], 2, "is not http(s)://host:port"),
        (["--skip", "colour"], 2, "There is no check 'colour': they are health,"),
    ],
)
def test_what_cannot_be_checked(words: list[str], code: int, sentence: str, tmp_path: Path) -> None:
    """One sentence, before anything is asked."""
    done = mmhie(tmp_path, "accept", *words)

    assert done.returncode == code
    assert sentence in done.stderr
    assert not done.stdout


def test_a_service_that_is_not_ready(tmp_path: Path, deserted: Gateway) -> None:
    """Nothing is measured of it."""
    done = mmhie(tmp_path, "accept", "--url", deserted.url)

    assert done.returncode == 1
    assert "is not ready" in done.stderr
