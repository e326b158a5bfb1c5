"""The tables of docs/hardware.md: a plan for each machine that a marker names."""

from pathlib import Path

from launcher.errors import LauncherError
from launcher.models.resolve import read_model
from launcher.planning.hardware import parse
from launcher.planning.installation import Installation
from launcher.planning.planner import make_plan
from launcher.settings import load
from scripts.render.page import table

NO_HUB = Path("/nowhere")  # the hub cache of this machine does not belong on a page
COMMAND = "mmhie plan --gpus "
HEAD = ("hardware", "format", "weights", "required", "available", "concurrent")


def rows(line: str) -> str:
    """Render a row for each machine of `NAME=value ... mmhie plan --gpus HARDWARE...`."""
    variables, _, machines = line.partition(COMMAND)
    return table(HEAD, [row(variables, hardware) for hardware in machines.split()])


def row(variables: str, hardware: str) -> tuple[str, ...]:
    """Return one machine and its plan in GiB of one GPU (or of the machine), or the refusal."""
    named = dict(pair.split("=", 1) for pair in variables.split())
    settings = load({"MMHIE_CACHE_DIR": "/var/cache/mmhie", **named}, None)
    machine, model = parse(hardware), read_model(settings, hub=NO_HUB)
    name = f"`{hardware}`"
    try:
        plan = make_plan(settings, machine, model, Installation(python="python"), strict=False)
    except LauncherError as refusal:
        return name, str(refusal), *[""] * (len(HEAD) - 2)
    memory = plan.memory
    weights = memory.weights_per_gpu_gib if plan.device == "cuda" else memory.weights_gib
    return (
        name,
        plan.quantization.method or plan.dtype,
        f"{weights:.1f}",
        f"{memory.per_gpu_gib:.1f}",
        f"{memory.available_gib:.1f}",
        f"{memory.max_concurrent:,}" if memory.starts else "does not fit",
    )


BLOCKS = {"table": rows}
