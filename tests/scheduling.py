"""The order of the tests, and the groups that stay in one process: those of one engine."""

from typing import Final

from xdist.scheduler import LoadScopeScheduling

# The tests of an engine run in the order of their names: those of the last one end it.
SHARED: Final = {
    "embedded": ("reach", "readme", "serve", "differential.py::test_embedded"),
    "gpt-oss": ("accept", "harmony", "differential.py::test_gpt_oss"),
    "breakable": ("base_model", "chaos"),
}

# First what only waits, then the groups that take longest: one that began last would delay the end.
ORDER: Final = (
    *("tests/real/test_smoke.py", "tests/launcher/models/test_fetching.py"),
    *("tests/faults", "test_make_run.py", "embedded", "breakable"),
    *("test_parallel.py", "test_adapter.py", "gpt-oss"),
    *("tests/docs", "tests/gateway/console", "tests/gpu_engine"),
)


def place(nodeid: str) -> int:
    """Return the place of a test in ORDER; those that are not named come last."""
    module = nodeid.partition("::")[0]
    named = {name: place for place, name in enumerate(ORDER)}
    return named.get(module, named.get(engine_of(nodeid), len(ORDER)))


class ByEngine(LoadScopeScheduling):  # type: ignore[misc] # xdist has no types
    """Keeps the tests of one engine together, elsewhere those of one folder."""

    def _split_scope(self, nodeid: str) -> str:
        return engine_of(nodeid)


def engine_of(nodeid: str) -> str:
    """Name the engine that a test asks: a shared one, or its module's own; else its folder."""
    folder, _, name = nodeid.partition("::")[0].rpartition("/")
    if folder != "tests/real":
        return folder
    test = nodeid.removeprefix("tests/real/test_")
    return next((engine for engine, tests in SHARED.items() if test.startswith(tests)), name)
