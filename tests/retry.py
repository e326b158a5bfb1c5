"""`make retry`: run the tests that have just failed once more, alone, with the same seed.

One that passes then is flaky: it is named, and gets a row in tests/flaky.md to be committed.
"""

from __future__ import annotations

import datetime
import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.failures import FILE, Run, read

LIST: Final = Path("tests", "flaky.md")
ALONE: Final = (sys.executable, "-m", "pytest", "-n", "1")
MOST: Final = 30  # tests of one engine, which may have had bad luck


def refusal(run: Run | None) -> str:
    """Return why a second run would tell nothing; empty where it may."""
    if run is None:
        return "The run broke off before its end: no test is repeated."
    if not run.failed:
        return "No test failed."
    if len(run.failed) > MOST:
        return f"{len(run.failed)} tests failed, which is no bad luck: none is repeated."
    return ""


def main() -> int:
    """Return the exit code: 0 if every test has passed now."""
    run = read(FILE)
    why = refusal(run)
    if run is None or why:
        sys.stdout.write(f"{why}\n")
        return 1
    code = subprocess.call([*ALONE, f"--hypothesis-seed={run.seed}", *run.failed])
    second = read(FILE)
    passed = second.passed if second else ()
    left = [test for test in run.failed if test not in passed]  # a skip is no pass
    if code or left:
        sys.stdout.write(f"Not passed alone either: {', '.join(left)}\n")
        return code or 1
    note_flaky(run)
    return 0


def note_flaky(run: Run) -> None:
    """Name each test, and add its row to the list."""
    today = datetime.datetime.now(datetime.UTC).date()
    with LIST.open("a") as table:
        for test in run.failed:
            sys.stdout.write(f"Flaky, passed alone: {test} (seed {run.seed})\n")
            name = test.replace("|", "\\|")
            table.write(f"| `{name}` | {today} | {run.seed} |\n")


if __name__ == "__main__":
    sys.exit(main())
