"""File systems that do not answer, as told by `mmhie doctor`."""

import threading
from pathlib import Path

import pytest

from assurance.doctor import checks
from assurance.doctor.checks import CheckedConfiguration, run_checks


def test_a_folder_that_answers(tmp_path: Path) -> None:
    """A folder is there, or is not."""
    assert checks.answers(tmp_path)
    assert checks.answers(tmp_path / "absent")


def test_a_folder_that_hangs(tmp_path: Path) -> None:
    """Nobody waits for it for ever."""
    looked = threading.Event()
    try:
        assert not checks.answers(tmp_path, 0.01, lambda _: looked.wait())
    finally:
        looked.set()


def test_doctor_names_it_and_looks_no_further(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every other check would hang there, too."""
    monkeypatch.setattr(checks, "answers", lambda folder: folder != tmp_path)
    subject = CheckedConfiguration({"MMHIE_CACHE_DIR": str(tmp_path)})
    findings = list(run_checks(subject))

    assert [finding.check for finding in findings] == ["settings", "cache"]
    assert f"{tmp_path} did not answer within 10 s" in findings[-1].sentence
