"""A pytest plugin that writes down what failed in a run, for `python -m tests.retry`."""

from __future__ import annotations

import json
import random
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

import pytest

FILE: Final = Path(".cache", "failures.json")  # in the checkout, where make is run


@dataclass(frozen=True, slots=True)
class Run:
    """A run that ended: the seed of its random inputs, the tests that failed, those that passed."""

    seed: int
    failed: tuple[str, ...] = ()
    passed: tuple[str, ...] = ()

    def write(self, file: Path) -> None:
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps(asdict(self)))


def read(file: Path) -> Run | None:
    """Return the run that a file describes, if there is one."""
    if not file.exists():
        return None
    fields = json.loads(file.read_text())
    return Run(fields["seed"], tuple(fields["failed"]), tuple(fields["passed"]))


@dataclass(eq=False)
class Recorder:
    """Notes what fails and what passes, and writes it down at the end of the run."""

    seed: int
    failed: dict[str, None] = field(default_factory=dict)
    passed: set[str] = field(default_factory=set)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.pytest_collectreport(report)
        if report.when == "call" and report.passed and not hasattr(report, "wasxfail"):
            self.passed.add(report.nodeid)

    def pytest_collectreport(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        if report.failed:
            self.failed[report.nodeid] = None

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        """Write it unless the run broke off: then nobody knows what else would have failed."""
        if exitstatus in {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED}:
            Run(self.seed, tuple(self.failed), tuple(sorted(self.passed))).write(FILE)

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
