"""`mmhie plan`: what would run, why, and whether it fits, without starting anything."""

import json
import os
import shlex
import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from launcher import checkpoint, hardware, installation, settings
from launcher.commands.output import AsJson
from launcher.errors import NotEnoughMemory
from launcher.hardware import Hardware
from launcher.plan import EnginePlan, make_plan

Gpus = Annotated[
    str | None,
    typer.Option(help="Plan for other hardware: 4x80, 1x24, 2x40,cc=8.0, 2x8x80, cpu,ram=64."),
]


def plan(gpus: Gpus = None, as_json: AsJson = False) -> None:
    """Show the engine these settings mean: command, memory, reasons and warnings."""
    chosen = settings.load(os.environ)
    place = hardware.parse(gpus) if gpus else hardware.detect()
    model = checkpoint.read_model(chosen)
    made = make_plan(chosen, place, model, installation.detect(), strict=False)
    if as_json:
        sys.stdout.write(json.dumps(made.as_json(), indent=2) + "\n")
    else:
        show(made, place, Console())
    if made.shortage is not None:
        raise NotEnoughMemory(made.shortage)


def show(made: EnginePlan, place: Hardware, console: Console) -> None:
    """The plan for a person."""
    console.print(summary(made, place))
    console.print(memory_table(made))
    for line in lines(made):
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def lines(made: EnginePlan) -> list[str]:
    """Verdict, reasons, warnings, and what would be run."""
    return [
        verdict(made),
        *(f"- {reason}" for reason in made.reasons),
        *(f"Warning: {warning}" for warning in made.warnings),
        *(f"{name}={value}" for name, value in made.env.items()),
        shlex.join(made.argv),
    ]


def summary(made: EnginePlan, place: Hardware) -> Table:
    """What was decided."""
    table = Table(title=f"{made.served_model} on {described(place)}", show_header=False)
    parallel = (made.tensor_parallel, made.pipeline_parallel, made.data_parallel)
    rows = {
        "device": made.device,
        "quantization": made.quantization,
        "type": made.dtype,
        "tensor x pipeline x data parallel": " x ".join(map(str, parallel)),
        "context": f"{made.max_model_len} tokens",
        "adapter": made.adapter or "none",
        "to prepare first": made.preparation or "nothing",
    }
    for name, value in rows.items():
        table.add_row(name, value)
    return table


def memory_table(made: EnginePlan) -> Table:
    """The estimate by part."""
    memory = made.memory
    where = "each GPU" if made.device == "cuda" else "this machine"
    table = Table("GiB", title=f"Memory ({where})")
    table.add_column("part")
    share = memory.weights_per_gpu_gib if made.device == "cuda" else memory.weights_gib
    parts = {
        "weights": share,
        "activations": memory.activations_gib,
        "engine itself": memory.overhead_gib,
        "KV cache": memory.kv_room_gib,
        "needed at least": memory.per_gpu_gib,
        "may be used": memory.available_gib,
    }
    for name, gib in parts.items():
        table.add_row(f"{gib:.2f}", name)
    return table


def verdict(made: EnginePlan) -> str:
    """Whether it fits, and for how many at once."""
    if not made.memory.fits:
        return "Does not fit."
    return f"Fits: {made.memory.max_concurrent} requests of full length at once."


def described(place: Hardware) -> str:
    """The hardware in words."""
    if not place.gpus:
        return f"{place.cpus} CPU cores, {place.ram_gib:.0f} GiB"
    nodes = f"{place.nodes} nodes with " if place.nodes > 1 else ""
    return f"{nodes}{len(place.gpus)} x {place.gpus[0].name}"
