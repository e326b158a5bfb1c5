"""The last line of a run: what was not run, and why."""

from collections.abc import Sequence

from requirements import programs


def not_run(reasons: Sequence[str], missing: Sequence[str], markers: str) -> str:
    """Return the sentence, of the reasons why tests were skipped and of pytest's option -m."""
    lacking = sum("not installed: " in reason for reason in reasons)
    others = len(reasons) - lacking
    parts = [f"{tests(lacking)} of missing programs ({needed(missing)})"] if lacking else []
    parts += [f"{tests(others)} for the reasons above"] if others else []
    parts += ["the tests with a real engine (`make test`)"] if "not engine" in markers else []
    parts += ["the slow ones (`make test-slow`)"] if "not slow" in markers else []
    return f"Not run: {listed(parts)}." if parts else "No test of this selection was left out."


def tests(number: int) -> str:
    """Return a number of tests in words."""
    return f"{number} test" if number == 1 else f"{number} tests"


def needed(missing: Sequence[str]) -> str:
    """Return the names of programs, and the command that installs them."""
    return f"{', '.join(missing)}: `{' '.join(programs.command(list(missing)))}`"


def listed(parts: Sequence[str]) -> str:
    """Return the parts as English lists them."""
    *first, last = parts
    return f"{', '.join(first)} and {last}" if first else last
