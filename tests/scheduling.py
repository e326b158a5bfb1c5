"""The order of the tests, and how processes share them: those of one engine stay together."""

from collections.abc import Iterable
from typing import Any, Final

from xdist.scheduler import LoadScopeScheduling

# Those of an engine go in the order of their names: the tests of the last end it.
EMBEDDED: Final = "client_matrix dashboard messages reach readme serve"
SHARED: Final = {
    "embedded": (*EMBEDDED.split(), "differential.py::test_embedded"),
    "gpt-oss": ("accept", "harmony", "differential.py::test_gpt_oss"),
    "breakable": ("base_model", "chaos"),
    "adapted": ("adapter", "swapped_adapter"),
}

ENGINES: Final = 3  # at once: each waits half of its time, for its start or for its callers

# The longest first, by minutes: one that began last would keep the other process waiting.
LONGEST: Final = (
    *("tests/faults", "test_make_run.py", "embedded", "breakable"),
    *("test_parallel.py", "adapted", "test_several.py", "gpt-oss"),
    *("tests/docs", "tests/gateway/console", "tests/gpu_engine", "tests/gateway/processes"),
    *("tests/scripts", "test_quantized.py", "test_start_failures.py"),
    *("tests/fuzz", "tests/bench", "tests/assurance/evaluation", "tests/launcher/cli"),
)

# The first of `make test`: what waits would leave the cores idle at the end.
FIRST: Final = ("tests/real/test_smoke.py", "tests/launcher/models/test_fetching.py")


def place(nodeid: str) -> int:
    """Return where a test belongs: those of the table first, in its order."""
    places = {module: place for place, module in enumerate(FIRST)}
    return places.get(nodeid.partition("::")[0], len(places))


class ByEngine(LoadScopeScheduling):  # type: ignore[misc] # xdist has no types
    """One engine of tests/real after the other in a process; elsewhere, one folder."""

    def _assign_work_unit(self, node: Any) -> None:
        chosen = longest(able(self.workqueue, self._at_work()))
        self.workqueue.move_to_end(chosen, last=False)
        super()._assign_work_unit(node)

    def _reschedule(self, node: Any) -> None:
        """Give a process its next scope as late as can be: with its last test, which runs only once
        it is known what follows."""
        if not self.workqueue or self._pending_of(self.assigned_work[node]) <= 1:
            super()._reschedule(node)

    def _at_work(self) -> list[str]:
        """Return the scopes that processes have begun or will begin next."""
        units = [unit for work in self.assigned_work.values() for unit in work.items()]
        return [scope for scope, tests in units if not all(tests.values())]

    def _split_scope(self, nodeid: str) -> str:
        return engine_of(nodeid)


def engine_of(nodeid: str) -> str:
    """Name the engine that a test asks: a shared one, or its module's own."""
    folder, _, name = nodeid.partition("::")[0].rpartition("/")
    if folder != "tests/real":
        return folder
    test = nodeid.removeprefix("tests/real/test_")
    return next((engine for engine, tests in SHARED.items() if test.startswith(tests)), name)


def able(scopes: Iterable[str], at_work: Iterable[str]) -> list[str]:
    """Return the scopes that may begin: no fourth engine while there are tests without one."""
    waiting = list(scopes)
    without = [scope for scope in waiting if "/" in scope]
    engines = [scope for scope in at_work if "/" not in scope]
    return without if without and len(engines) >= ENGINES else waiting


def longest(scopes: Iterable[str]) -> str:
    """Return the scope that takes longest; among the short ones, the first."""
    places = {scope: place for place, scope in enumerate(LONGEST)}
    return min(scopes, key=lambda scope: places.get(scope, len(places)))
