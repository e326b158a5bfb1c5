"""Minutes of a first start's steps, told before it begins."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from launcher.planning.batch import has_graphs
from launcher.planning.decisions import Decisions

# Bytes a second: 1 Gbit/s less overhead, a local SSD that is read and written at once, a disk read
# into GPU memory. Seconds: compilation and warm-up as logged in public (195 s), captured graphs.
NETWORK: Final = 115e6
MERGING: Final = 150e6
LOADING: Final = 250e6
COMPILING_S: Final = 195.0
GRAPHS_S: Final = 30.0


class Step(NamedTuple):
    """A step of the start that takes a while, and its minutes."""

    name: str
    minutes: float


def steps(decided: Decisions) -> Iterator[Step]:
    """Those of a start on GPUs with nothing in any cache, but for what is already on the disk."""
    size = decided.workload.weights_gib * 2**30
    if decided.model.missing:
        yield Step("fetch at 1 Gbit/s", size / NETWORK / 60)
    if decided.preparation == "merge":
        yield Step("merge", size / MERGING / 60)
    yield Step("load", size / LOADING / 60)
    if has_graphs(decided.settings.engine_args):
        yield Step("compile", COMPILING_S / 60)
        yield Step("CUDA graphs", GRAPHS_S / 60)


def sentence(decided: Decisions) -> str:
    """The sum up front, and the parts."""
    made = list(steps(decided))
    parts = ", ".join(f"{step.name} {step.minutes:.1f}" for step in made)
    total = sum(step.minutes for step in made)
    return f"a first start takes about {max(1, round(total))} minutes, by estimate: {parts}"
