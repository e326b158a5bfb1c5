"""`make retry`: run the tests that have just failed once more, alone, with the same seed.

One that passes then is flaky: it is named, and gets a row in tests/flaky.md to be committed.
"""

from __future__ import annotations

import datetime
import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.failures import FILE, Failure, Run, read

LIST: Final = Path("tests", "flaky.md")
ALONE: Final = (sys.executable, "-m", "pytest", "-n", "1")
MOST: Final = 30  # tests of one engine, which may have had bad luck
HOPELESS: Final = {"import": "cannot be imported", "crash": "ended its process"}


def refusal(run: Run | None) -> str:
    """Return why a second run would tell nothing; empty where it may."""
    if run is None:
        return "The run broke off before its end: no test is repeated."
    if not run.failures:
        return "No test failed."
    if len(run.failures) > MOST:
        return f"{len(run.failures)} tests failed, which is no bad luck: none is repeated."
    if run.memory_kills:
        return f"{run.memory_kills} processes were killed for memory: no test is repeated."
    broken = [
        f"{failure.test} {HOPELESS[failure.cause]}"
        for failure in run.failures
        if failure.cause in HOPELESS
    ]
    return f"{', '.join(broken)}: no test is repeated." if broken else ""


def command(run: Run) -> list[str]:
    """Return the second run's command line."""
    tests = (failure.test for failure in run.failures)
    return [*ALONE, f"--hypothesis-seed={run.seed}", *tests]


def row(failure: Failure, seed: int, today: datetime.date) -> str:
    """Return the row of tests/flaky.md."""
    test = failure.test.replace("|", "\\|")
    return f"| `{test}` | {today} | {seed} | {failure.load} |\n"


def not_passed(run: Run, second: Run | None) -> list[str]:
    """Return the tests that failed and have not passed since: a skip is no pass."""
    passed = second.passed if second else ()
    return [failure.test for failure in run.failures if failure.test not in passed]


def main() -> int:
    """Return the exit code: 0 if every test has passed now."""
    run = read(FILE)
    why = refusal(run)
    if run is None or why:
        sys.stdout.write(f"{why}\n")
        return 1
    code = subprocess.call(command(run))
    if left := not_passed(run, read(FILE)):
        sys.stdout.write(f"Not passed alone either: {', '.join(left)}\n")
    if code or left:
        return code or 1
    today = datetime.datetime.now(datetime.UTC).date()
    with LIST.open("a") as table:
        for failure in run.failures:
            where = f"(seed {run.seed}, load {failure.load})"
            sys.stdout.write(f"Flaky, passed alone: {failure.test} {where}\n")
            table.write(row(failure, run.seed, today))
    return 0


if __name__ == "__main__":
    sys.exit(main())
