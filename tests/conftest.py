"""Settings and fixtures of every test."""

import os
import signal

import pytest

from requirements import programs
from tests.scheduling import ByEngine, place

pytest_plugins = ["tests.contract.fixtures"]

# No test asks the model hub of the world; those that need one start their own.
os.environ["HF_ENDPOINT"] = "http://127.0.0.1:9"

# A shell has what it starts in the background ignore Ctrl-C, and so would every process of a test.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_report_header() -> str:
    """The programs that are missing, and the one command that installs them all."""
    return programs.summary()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: place(item.nodeid))


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> ByEngine | None:
    """Return how tests with real engines are shared among processes; the others as xdist does."""
    return ByEngine(config, log) if config.getvalue("dist") == "loadscope" else None
