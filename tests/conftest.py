"""Settings and fixtures of every test."""

import signal

from requirements import programs

pytest_plugins = ["tests.contract.fixtures"]

# A shell has what it starts in the background ignore Ctrl-C, and so would every process of a test.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_report_header() -> str:
    """The programs that are missing, and the one command that installs them all."""
    return programs.summary()
