"""Tests with real engines, shared by two processes: those of one engine stay together."""

from typing import Final

from xdist.scheduler import LoadScopeScheduling

# In the order of their names: the tests of the last end the engine.
NAMES: Final = "client_matrix clients dashboard docs gateway memory messages reach readme sdk serve"
EMBEDDED: Final = (*NAMES.split(), "differential.py::test_embedded")
GPT_OSS: Final = ("harmony", "differential.py::test_gpt_oss")


class ByEngine(LoadScopeScheduling):  # type: ignore[misc] # xdist has no types
    """One engine of tests/real after the other in a process; elsewhere, one folder."""

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
