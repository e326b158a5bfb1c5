"""The second run of what has failed: for bad luck only, once, and never in silence."""

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.failures import Run
from tests.retry import LIST, refusal

ROOT = Path(__file__).parents[1]
TESTS = """
import pytest
from pathlib import Path

def test_good(): pass

@pytest.mark.parametrize("size", ["a b|c"])
def test_flaky(size):
    Path("been").touch() if (is_second := Path("been").exists()) is False else None
    assert is_second

def test_broken(): assert False

def test_skipped():
    if Path("seen").exists(): pytest.skip("no")
    Path("seen").touch()
    assert False
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A project of these tests."""
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "flaky.md").write_text("| test | date |\n|---|---|\n")
    (tmp_path / "test_luck.py").write_text(TESTS)
    (tmp_path / "test_lost.py").write_text("import not_there\n")
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = -p no:schemathesis\n")
    return tmp_path


def run(checkout: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_PLUGINS": "tests.failures"}
    return subprocess.run(
        [sys.executable, "-m", *words], cwd=checkout, env=environ, capture_output=True, text=True
    )


def fail(checkout: Path, *names: str) -> None:
    """Let these tests fail, as `make test` runs them."""
    chosen = [name if name.endswith(".py") else f"test_luck.py::{name}" for name in names]
    done = run(checkout, "pytest", "-n", "1", *chosen)
    assert done.returncode not in (0, 5), done.stdout


def test_one_that_passes_alone_is_listed(checkout: Path) -> None:
    """By its name and seed; the code of the second run is 0."""
    fail(checkout, "test_good", "test_flaky")
    done = run(checkout, "tests.retry")

    assert done.returncode == 0, done.stdout
    assert re.search(
        r"^Flaky, passed alone: test_luck\.py::test_flaky\[a b\|c\] \(seed \d+\)$",
        done.stdout,
        re.MULTILINE,
    )
    *_, row = (checkout / LIST).read_text().splitlines()
    assert re.fullmatch(
        r"\| `test_luck\.py::test_flaky\[a b\\\|c\]` \| \d{4}-\d\d-\d\d \| \d+ \|", row
    )


@pytest.mark.parametrize("name", ["test_broken", "test_skipped"])
def test_one_that_does_not_pass_fails(checkout: Path, name: str) -> None:
    """Whoever else had bad luck; nothing is listed."""
    fail(checkout, name, "test_flaky")
    done = run(checkout, "tests.retry")

    assert done.returncode == 1
    assert done.stdout.endswith(f"Not passed alone either: test_luck.py::{name}\n")
    assert "test_flaky" not in (checkout / LIST).read_text()


def test_what_is_no_bad_luck_is_not_repeated(checkout: Path) -> None:
    """A module that cannot be imported fails again; many failures, or a run that broke off."""
    fail(checkout, "test_lost.py", "test_flaky")
    done = run(checkout, "tests.retry")

    assert done.returncode != 0
    assert "Flaky" not in done.stdout
    assert refusal(Run(1, ("a",) * 31)).startswith("31 tests failed, which is no bad luck")
    assert refusal(None).startswith("The run broke off")
    assert refusal(Run(1, ("a",))) == ""


def test_no_test_has_failed_three_times() -> None:
    """It has to be repaired or removed before anything else is done, and its rows with it."""
    tests = re.findall(r"^\| `(.*?)` \|", (ROOT / LIST).read_text(), re.MULTILINE)

    assert [test for test, rows in Counter(tests).items() if rows >= 3] == []
