"""Minutes of a first start's steps, estimated before it begins."""

from typing import Final

from launcher import engine_flags
from launcher.planning.plan import EnginePlan
from launcher.planning.weights import file_bytes

# Bytes a second: 1 Gbit/s less overhead, a local SSD that is read and written at once, a disk read
# into GPU memory. Seconds: compilation and warm-up as logged in public (195 s), captured graphs.
NETWORK: Final = 115e6
MERGING: Final = 150e6
LOADING: Final = 250e6
COMPILING_S: Final = 195.0
GRAPHS_S: Final = 30.0
# An estimate for two cores: most of it are the imports of PyTorch.
UNPACKING_S: Final = 90.0


def preparing_steps(decided: EnginePlan) -> dict[str, float]:
    """Seconds of each step before the engine starts, but for what is already on the disk."""
    steps = {}
    if decided.model.missing:
        steps["fetch at 1 Gbit/s"] = file_bytes(decided.model) / NETWORK
    if decided.preparation:
        steps["merge" if decided.preparation == "merge" else "unpack"] = making_s(decided)
    return steps


def engine_steps(decided: EnginePlan) -> dict[str, float]:
    """Seconds of each step of the engine's own start on GPUs, with nothing in any cache."""
    loading = {"load": file_bytes(decided.model) / LOADING}
    is_eager = engine_flags.is_on(engine_flags.EAGER, decided.settings.engine_args)
    return loading if is_eager else loading | {"compile": COMPILING_S, "CUDA graphs": GRAPHS_S}


def making_s(decided: EnginePlan) -> float:
    """Seconds in which the checkpoint is made that the engine needs first."""
    unpacking = 0.0 if decided.preparation == "merge" else UNPACKING_S
    return unpacking + file_bytes(decided.model) / MERGING


def engine_s(decided: EnginePlan) -> float:
    """Seconds of the engine's own start on GPUs."""
    return sum(engine_steps(decided).values())


def start_limit_s(decided: EnginePlan) -> float:
    """Seconds until a start counts as failed: as set, or twice the estimate if that is more."""
    limit = decided.settings.start_timeout_seconds
    return limit if decided.device == "cpu" else max(limit, 2 * engine_s(decided))


def sentence(decided: EnginePlan) -> str:
    """The sum up front, and the parts."""
    steps = preparing_steps(decided) | engine_steps(decided)
    parts = ", ".join(f"{name} {seconds / 60:.1f}" for name, seconds in steps.items())
    minutes = max(1, round(sum(steps.values()) / 60))
    return f"a first start takes about {minutes} minutes, by estimate: {parts}"
