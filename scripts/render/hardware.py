"""Tables of docs/hardware.md, computed by the memory estimator."""

import re
from pathlib import Path

from launcher.cli.plan import described
from launcher.errors import LauncherError
from launcher.models.resolve import read_model
from launcher.planning.hardware import parse
from launcher.planning.installation import Installation
from launcher.planning.plan import EnginePlan, make_plan
from launcher.settings import load
from scripts.render.page import DOCS, NO_HUB, pairs, with_blocks

TABLE = re.compile(r"(<!-- table: (.*?)mmhie plan --gpus (.*?) -->\n)(?:\|.*\n)*")
HEAD = (
    "| hardware | format | tensor x pipeline x data | context | weights | required "
    "| available | concurrent |\n"
    "|---|---|---|---|---|---|---|---|\n"
)


def row(environ: dict[str, str], hardware: str) -> str:
    """Render one machine: the plan in GiB of one GPU (or of the machine), or the refusal."""
    settings = load({"MMHIE_CACHE_DIR": "/var/cache/mmhie", **environ}, None)
    machine = parse(hardware)
    model = read_model(settings, hub=NO_HUB)
    name = f"`{hardware}` {described(machine)}"
    try:
        made = make_plan(settings, machine, model, Installation(python="python"), strict=False)
    except LauncherError as refusal:
        return f"| {name} | {refusal} | | | | | | |\n"
    return f"| {name} | {' | '.join(figures(made))} |\n"


def figures(made: EnginePlan) -> tuple[str, ...]:
    memory = made.memory
    weights = memory.weights_per_gpu_gib if made.device == "cuda" else memory.weights_gib
    layout = (made.tensor_parallel, made.pipeline_parallel, made.data_parallel)
    return (
        made.quantization if made.quantization != "none" else made.dtype,
        " x ".join(map(str, layout)),
        f"{made.max_model_len:,}",
        f"{weights:.1f}",
        f"{memory.per_gpu_gib:.1f}",
        f"{memory.available_gib:.1f}",
        f"{memory.max_concurrent:,}" if memory.starts else "does not fit",
    )


def pages() -> dict[Path, str]:
    """Return docs/hardware.md with every table computed anew."""
    path = DOCS / "hardware.md"
    return {path: with_blocks(path, TABLE, _block)}


def _block(match: re.Match[str]) -> str:
    environ = pairs(match[2])
    return HEAD + "".join(row(environ, hardware) for hardware in match[3].split())
