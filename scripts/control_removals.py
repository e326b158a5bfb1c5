"""Remove each part of a control of the safety case in a copy of the tree: its test must fail.

`python -m scripts.control_removals` writes the outcome to docs/records/control-removals.json, from
which `make docs` states the evidence. It takes four minutes of one core. With hazards (`H27 H34`)
it removes their controls only, and keeps what the record has of the others.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from scripts.render.page import ROOT
from scripts.render.safety_case import REMOVALS, Removal, hazards

Outcome = Literal["red", "green", "broken", "not run"]
NOT_COPIED: Final = shutil.ignore_patterns(".git", ".venv", ".*cache*", "*.egg-info", "build")
PASSED: Final = re.compile(r"^PASSED ([^[\s]+)", re.MULTILINE)
FAILED: Final = re.compile(r"^(?:=+ )?(?:\d+ \w+, )*\d+ failed", re.MULTILINE)
LIMIT_S: Final = 200  # for one test; five times for all of them
RED: Final = 1  # pytest's status where tests failed; a tree that cannot be imported has another


def copy_tree(folder: Path) -> Path:
    """Copy the sources and tests; their times stay, and with them what Python has compiled."""
    return Path(shutil.copytree(ROOT, folder / "tree", ignore=NOT_COPIED))


def run(tree: Path, tests: Sequence[str], option: str) -> subprocess.CompletedProcess[str]:
    """Run tests of a tree, whose packages come before the installed ones."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    environ = others | {"PYTHONPATH": f"{tree}:{tree / 'sdk'}", "PYTHONDONTWRITEBYTECODE": "1"}
    pytest = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", option, *tests]
    # A test that hangs without its control proves nothing; `timeout` ends what it has started, too.
    command = ["timeout", str(LIMIT_S * min(5, len(tests))), *pytest]
    return subprocess.run(command, cwd=tree, env=environ, capture_output=True, text=True)


@dataclass(frozen=True, slots=True)
class Case:
    """A part of a control, and the test that must fail without it."""

    name: str
    removal: Removal
    test: str


def cases(only: Collection[str] = ()) -> list[Case]:
    """Return every part of every control, or those of some hazards; a further one has a number."""
    return [
        Case(
            f"{hazard.id} {control.control}{f' ({at + 1})' * bool(at)}", removal, control.tests[at]
        )
        for hazard in hazards()
        if not only or hazard.id in only
        for control in hazard.controls
        for at, removal in enumerate(control.removals)
    ]


def find_passing(tree: Path, tests: Iterable[str]) -> set[str]:
    """Return the tests that pass while nothing is removed; the others lack a program."""
    done = run(tree, sorted(set(tests)), "-rpfE")
    if done.returncode:
        raise AssertionError(f"Tests fail though nothing is removed:\n{done.stdout[-4000:]}")
    return set(PASSED.findall(done.stdout))


@contextmanager
def without(tree: Path, removal: Removal) -> Iterator[None]:
    """Remove a part of a control while this context lasts; then restore the file and its time."""
    file = tree / removal.file
    content, status = file.read_text(), file.stat()
    file.write_text(content.replace(removal.find, removal.replace))
    try:
        yield
    finally:
        file.write_text(content)
        os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))


def outcome(tree: Path, case: Case, runnable: set[str]) -> tuple[Outcome, str]:
    """Remove a part of a control; return the outcome of its test, and pytest's output."""
    if case.test not in runnable:
        return "not run", ""
    with without(tree, case.removal):
        done = run(tree, [case.test], "-x")
    if not done.returncode:
        return "green", done.stdout
    # a fixture or an import that breaks proves nothing
    is_red = done.returncode == RED and FAILED.search(done.stdout)
    return ("red" if is_red else "broken"), done.stdout


def main() -> int:
    """Remove each part in turn, print the outcome, and write the record."""
    chosen = cases(sys.argv[1:])
    outcomes: dict[str, Outcome] = {}
    with tempfile.TemporaryDirectory() as folder:
        tree = copy_tree(Path(folder))
        runnable = find_passing(tree, (case.test for case in chosen))
        for case in chosen:
            outcomes[case.name], output = outcome(tree, case, runnable)
            is_broken = outcomes[case.name] == "broken"
            print(f"{outcomes[case.name]:8} {case.name}", *([output[-1500:]] if is_broken else []))
    write_record(outcomes)
    return int(any(each != "red" for each in outcomes.values()))


def write_record(outcomes: Mapping[str, Outcome]) -> None:
    """Write the record: these outcomes, and the earlier ones of all other parts."""
    known = {**json.loads(REMOVALS.read_text())["outcomes"], **outcomes}
    current = {case.name: known[case.name] for case in cases() if case.name in known}
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    date = time.strftime("%Y-%m-%d", time.gmtime())
    record = {"version": version, "date": date, "outcomes": current}
    REMOVALS.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    sys.exit(main())
