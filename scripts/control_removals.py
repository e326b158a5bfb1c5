"""Remove each control of the safety case in a copy of the tree, and check that its test fails.

`python -m scripts.control_removals` writes the outcome to docs/records/control-removals.json, from
which `make docs` states the evidence. It takes three minutes of one core.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal

from scripts.render.page import ROOT
from scripts.render.safety_case import REMOVALS, Control, Hazard, Removal, hazards, version

Outcome = Literal["red", "green", "broken", "not run"]
NOT_COPIED: Final = shutil.ignore_patterns(".git", ".venv", ".*cache*", "*.egg-info", "build")
PASSED: Final = re.compile(r"^PASSED ([^[\s]+)", re.MULTILINE)
FAILED: Final = re.compile(r"^(?:=+ )?(?:\d+ \w+, )*\d+ failed", re.MULTILINE)
LIMIT_S: Final = 200  # for one test; five times for all of them
RED: Final = 1  # pytest's status where tests failed; a tree that cannot be imported has another


def copy_tree(folder: Path) -> Path:
    """Copy the sources and tests; their times stay, and with them what Python has compiled."""
    tree = folder / "tree"
    shutil.copytree(ROOT, tree, ignore=NOT_COPIED)
    return tree


def run(tree: Path, tests: Sequence[str], option: str) -> subprocess.CompletedProcess[str]:
    """Run tests of a tree, whose packages come before the installed ones."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    packages = os.pathsep.join(map(str, (tree, tree / "sdk")))
    environ = others | {"PYTHONPATH": packages, "PYTHONDONTWRITEBYTECODE": "1"}
    pytest = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", option, *tests]
    # A test that hangs without its control proves nothing; `timeout` ends what it has started, too.
    command = ["timeout", str(LIMIT_S * min(5, len(tests))), *pytest]
    return subprocess.run(command, cwd=tree, env=environ, capture_output=True, text=True)


def find_passing(tree: Path, controls: Sequence[Control]) -> set[str]:
    """Return the first tests that pass while nothing is removed; the others lack a program."""
    done = run(tree, sorted({control.tests[0] for control in controls}), "-rpfE")
    if done.returncode:
        raise AssertionError(f"Tests fail though nothing is removed:\n{done.stdout[-4000:]}")
    return set(PASSED.findall(done.stdout))


@contextmanager
def without(tree: Path, removal: Removal) -> Iterator[None]:
    """Remove one control while this context lasts; then restore the file and its time."""
    file = tree / removal.file
    content, status = file.read_text(), file.stat()
    file.write_text(content.replace(removal.find, removal.replace))
    try:
        yield
    finally:
        file.write_text(content)
        os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))


def outcome(tree: Path, control: Control, runnable: set[str]) -> tuple[Outcome, str]:
    """Remove one control; return the outcome of its first test, and pytest's output."""
    if control.tests[0] not in runnable:
        return "not run", ""
    with without(tree, control.removal):
        done = run(tree, [control.tests[0]], "-x")
    if not done.returncode:
        return "green", done.stdout
    return ("red" if is_red(done) else "broken"), done.stdout


def is_red(done: subprocess.CompletedProcess[str]) -> bool:
    """Return whether a test ran and failed: a fixture or an import that breaks proves nothing."""
    return done.returncode == RED and bool(FAILED.search(done.stdout))


def describe(hazard: Hazard, control: Control) -> str:
    return f"{hazard.id} {control.control}"


def main() -> int:
    """Remove every control in turn, print the outcome, and write the record."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    controls = {describe(hazard, each): each for hazard in hazards() for each in hazard.controls}
    outcomes: dict[str, Outcome] = {}
    with tempfile.TemporaryDirectory() as folder:
        tree = copy_tree(Path(folder))
        runnable = find_passing(tree, list(controls.values()))
        for name, control in controls.items():
            outcomes[name], output = outcome(tree, control, runnable)
            print(
                f"{outcomes[name]:8} {name}",
                *([output[-1500:]] if outcomes[name] == "broken" else []),
            )
    used = os.times()  # of the processor, since others may share it
    seconds = round(used.children_user + used.children_system)
    date = time.strftime("%Y-%m-%d", time.gmtime())
    record = {"version": version(), "date": date, "seconds": seconds, "outcomes": outcomes}
    REMOVALS.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n")
    red = sum(each == "red" for each in outcomes.values())
    print(f"{red} of {len(outcomes)} controls have a test that fails without them ({seconds} s).")
    return int(red < len(outcomes))


if __name__ == "__main__":
    sys.exit(main())
