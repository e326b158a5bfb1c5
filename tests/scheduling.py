"""The order of the tests, and how processes share them: those of one engine stay together."""

from collections.abc import Iterable
from typing import Any, Final

from xdist.scheduler import LoadScopeScheduling

# In the order of their names: the tests of the last end the engine.
NAMES: Final = "client_matrix clients dashboard docs gateway memory messages reach readme sdk serve"
EMBEDDED: Final = (*NAMES.split(), "differential.py::test_embedded")
GPT_OSS: Final = ("harmony", "differential.py::test_gpt_oss")

# The longest first, by minutes: one that began last would keep the other process waiting.
LONGEST: Final = (
    *("tests/fuzz", "tests/faults", "tests/gpu_engine", "test_chaos.py", "test_parallel.py"),
    *("test_accept.py", "test_quantized.py", "tests/bench", "test_nodes.py", "tests/kubernetes"),
)

# The first of `make test`: what waits would leave the cores idle at the end.
FIRST: Final = (
    *("tests/real/test_smoke.py", "tests/faults/test_matrix.py"),
    *("tests/launcher/models/test_fetching.py", "tests/launcher/cli/test_engine.py"),
)


def place(nodeid: str) -> int:
    """Return where a test belongs: those of the table first, in its order."""
    places = {module: place for place, module in enumerate(FIRST)}
    return places.get(nodeid.partition("::")[0], len(places))


class ByEngine(LoadScopeScheduling):  # type: ignore[misc] # xdist has no types
    """One engine of tests/real after the other in a process; elsewhere, one folder."""

    def _assign_work_unit(self, node: Any) -> None:
        self.workqueue.move_to_end(longest(self.workqueue), last=False)
        super()._assign_work_unit(node)

    def _split_scope(self, nodeid: str) -> str:
        return engine_of(nodeid)


def engine_of(nodeid: str) -> str:
    """Name the engine that a test asks: a shared one, or its module's own."""
    folder, _, name = nodeid.partition("::")[0].rpartition("/")
    if folder != "tests/real":
        return folder
    test = nodeid.removeprefix("tests/real/test_")
    if test.startswith(GPT_OSS):
        return "gpt-oss"
    return "embedded" if test.startswith(EMBEDDED) else name


def longest(scopes: Iterable[str]) -> str:
    """Return the scope that takes longest; among the short ones, the first."""
    places = {scope: place for place, scope in enumerate(LONGEST)}
    return min(scopes, key=lambda scope: places.get(scope, len(places)))
