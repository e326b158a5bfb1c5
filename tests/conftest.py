"""Settings and fixtures of every test."""

import os
import re
import signal
from pathlib import Path

import pytest

from requirements import programs
from tests.scheduling import ByEngine, place

pytest_plugins = ["tests.contract.fixtures", "tests.failures"]

SLOW_MODULE = re.compile(r"^pytestmark = (?:\[\s*)?pytest\.mark\.slow\b", re.MULTILINE)

SLOW_S = 900  # a hang of another test ends after `timeout` of pyproject.toml

# No test asks the model hub of the world; those that need one start their own.
os.environ["HF_ENDPOINT"] = "http://127.0.0.1:9"

# A shell has what it starts in the background ignore Ctrl-C, and so would every process of a test.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_report_header() -> str:
    """The programs that are missing, and the one command that installs them all."""
    return programs.summary()


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out modules of which every test is deselected: importing them takes seconds."""
    deselects_slow = "not slow" in str(config.getoption("markexpr"))
    return True if deselects_slow and is_slow(collection_path) else None


def is_slow(path: Path) -> bool:
    """Return whether a file is a test module that is slow as a whole."""
    return path.name.startswith("test_") and bool(SLOW_MODULE.search(path.read_text()))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the tests, and give the slow ones time."""
    items.sort(key=lambda item: place(item.nodeid))
    for item in items:
        marks = {mark.name for mark in item.iter_markers()}
        if "slow" in marks and not marks & {"gate", "timeout"}:
            item.add_marker(pytest.mark.timeout(SLOW_S))


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> ByEngine | None:
    """Return how tests with real engines are shared among processes; the others as xdist does."""
    return ByEngine(config, log) if config.getvalue("dist") == "loadscope" else None
