"""A pytest plugin that writes down what failed in a run, for `python -m tests.retry`."""

from __future__ import annotations

import json
import os
import random
import re
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final, Literal

import pytest

FILE: Final = Path(".cache", "failures.json")  # in the checkout, where make is run
VMSTAT: Final = Path("/proc/vmstat")

# The last two are no bad luck: a module cannot be imported, a process was killed.
Cause = Literal["test", "import", "crash"]

BROKEN_CODE = re.compile(
    r"^(ImportError|ModuleNotFoundError|SyntaxError|IndentationError|TabError)\b", re.MULTILINE
)
CRASHED: Final[str] = "???"  # xdist's `when` of a test whose process ended


@dataclass(frozen=True, slots=True)
class Failure:
    """A test that failed, why, and the load of the machine (1 minute) at that moment."""

    test: str
    cause: Cause
    load: float


@dataclass(frozen=True, slots=True)
class Run:
    """A run that ended: the seed of its random inputs, what failed, processes killed for memory,
    and the tests that passed."""

    seed: int
    failures: tuple[Failure, ...] = ()
    memory_kills: int = 0
    passed: tuple[str, ...] = ()

    def write(self, file: Path) -> None:
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps(asdict(self)))


def read(file: Path) -> Run | None:
    """Return the run that a file describes, if there is one."""
    if not file.exists():
        return None
    fields = json.loads(file.read_text())
    failures = tuple(Failure(**each) for each in fields["failures"])
    return Run(fields["seed"], failures, fields["memory_kills"], tuple(fields["passed"]))


def memory_kills() -> int:
    """Return how many processes this machine has killed for memory since it was started."""
    line = re.search(r"^oom_kill (\d+)$", VMSTAT.read_text(), re.MULTILINE)
    return int(line[1]) if line else 0


def cause_of(report: pytest.TestReport | pytest.CollectReport) -> Cause:
    if isinstance(report, pytest.CollectReport):
        return "import"
    if report.when == CRASHED:
        return "crash"
    crash = getattr(report.longrepr, "reprcrash", None)
    return "import" if crash and BROKEN_CODE.search(crash.message) else "test"


@dataclass(eq=False)
class Recorder:
    """Notes what fails and what passes, and writes it down at the end of the run."""

    seed: int
    failures: dict[str, Failure] = field(default_factory=dict)
    passed: set[str] = field(default_factory=set)
    memory_kills: int = field(default_factory=memory_kills)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.note(report)
        if report.when == "call" and report.passed and not hasattr(report, "wasxfail"):
            self.passed.add(report.nodeid)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self.note(report)

    def note(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        """Note a failure; of two of one test, the one that is no bad luck."""
        earlier = self.failures.get(report.nodeid)
        if report.failed and (earlier is None or earlier.cause == "test"):
            load = round(os.getloadavg()[0], 1)
            self.failures[report.nodeid] = Failure(report.nodeid, cause_of(report), load)

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        """Write it unless the run broke off: then nobody knows what else would have failed."""
        if exitstatus in {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED}:
            kills = memory_kills() - self.memory_kills
            failures, passed = tuple(self.failures.values()), tuple(sorted(self.passed))
            Run(self.seed, failures, kills, passed).write(FILE)

    def pytest_report_header(self) -> str:
        return f"seed: {self.seed}"


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Choose one seed for all processes of the run, and begin its record."""
    if hasattr(config, "workerinput"):
        return
    if config.option.hypothesis_seed is None:
        config.option.hypothesis_seed = str(random.randrange(2**32))
    FILE.unlink(missing_ok=True)
    config.pluginmanager.register(Recorder(int(config.option.hypothesis_seed)))
