"""`mmhie plan`: what would run, why, and whether it fits, without starting anything."""

import json
import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from launcher import settings
from launcher.cli.output import AsJson
from launcher.errors import NotEnoughMemory, SettingsError
from launcher.models import resolve
from launcher.models.facts import ModelFacts
from launcher.nodes import cluster
from launcher.nodes.cluster import Node
from launcher.planning import hardware, installation
from launcher.planning.hardware import Hardware
from launcher.planning.installation import Installation
from launcher.planning.plan import EnginePlan, make_plan
from launcher.settings import LauncherSettings

Gpus = Annotated[
    str | None,
    typer.Option(help="Plan for other hardware: 4x80, 2xh100, 2x40,cc=8.0, 2x8x80, cpu,ram=64."),
]


Nodes = Annotated[
    str | None,
    typer.Option(help="Print what is started on each of several machines: 2x8x80 as for --gpus."),
]


def plan(gpus: Gpus = None, nodes: Nodes = None, as_json: AsJson = False) -> None:
    """Show the engine these settings mean: command, memory, reasons and warnings."""
    chosen = settings.load(os.environ)
    head = chosen.head_address if chosen.nodes > 1 else None
    place = place_of(gpus, nodes, head)
    if nodes is not None:
        chosen = together(chosen, place)
    place = replace(place, nodes=max(place.nodes, chosen.nodes))
    if chosen.engine_urls:
        raise SettingsError("MMHIE_ENGINE_URLS names engines that run elsewhere: none is planned.")
    given = settings.given(os.environ) if nodes else None
    made, parts = planned(chosen, place, resolve.read_model(chosen), installation.detect(), given)
    if as_json:
        entries = {"nodes": [part.as_json() for part in parts]} if parts else {}
        sys.stdout.write(json.dumps({**made.as_json(), **entries}, indent=2) + "\n")
    else:
        show(made, place, Console(), parts)
    if made.remedies is not None:
        raise NotEnoughMemory(made.remedies)


def place_of(gpus: str | None, nodes: str | None, head: str | None) -> Hardware:
    """The hardware of one of the two options, else this machine, seen from node 0's address."""
    if gpus is not None and nodes is not None:
        raise SettingsError("--gpus and --nodes describe the same hardware; give one of them.")
    text = nodes if gpus is None else gpus
    return hardware.detect(head) if text is None else hardware.parse(text)


def together(chosen: LauncherSettings, place: Hardware) -> LauncherSettings:
    """The settings of node 0 of these machines; SettingsError where others are set."""
    if place.nodes == 1:
        raise SettingsError("--nodes describes one machine; 2x8x80 are two, and --gpus is for one.")
    if chosen.nodes not in (1, place.nodes):
        raise SettingsError(
            f"MMHIE_NODES is {chosen.nodes} and --nodes describes {place.nodes} machines; "
            "make them the same."
        )
    head = chosen.head_address or cluster.ADDRESS_TO_COME
    place_of_head = {"nodes": place.nodes, "node_rank": 0, "head_address": head}
    return settings.refuse_conflicts(chosen.model_copy(update=place_of_head))


def planned(
    chosen: LauncherSettings,
    whole: Hardware,
    model: ModelFacts,
    installed: Installation,
    given: Mapping[str, str] | None = None,
) -> tuple[EnginePlan, tuple[Node, ...]]:
    """The plan of the engine, or of the first of several equal ones, and of each node where the
    variables `given` to all of them are told. Raises LauncherError, but not for memory.
    """
    share = hardware.share(whole, chosen.engines, 0)
    made = make_plan(chosen, share, model, installed, strict=False)
    if given is None:
        return made, ()
    return with_note(made, chosen), cluster.nodes(chosen, share, model, installed, given)


def with_note(made: EnginePlan, chosen: LauncherSettings) -> EnginePlan:
    """A warning where an address is still to be filled in."""
    if chosen.head_address != cluster.ADDRESS_TO_COME:
        return made
    return replace(made, warnings=(*made.warnings, cluster.FILL_IN))


def show(made: EnginePlan, place: Hardware, console: Console, parts: Sequence[Node] = ()) -> None:
    """The plan for a person."""
    console.print(summary(made, place))
    console.print(memory_table(made, place.nodes))
    commands = [line for part in parts for line in node_lines(part)] or engine_lines(made)
    for line in [*lines(made), *commands]:
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def lines(made: EnginePlan) -> list[str]:
    """Verdict, reasons and warnings."""
    return [
        verdict(made),
        *(f"- {reason}" for reason in made.reasons),
        *(f"Warning: {warning}" for warning in made.warnings),
    ]


def engine_lines(made: EnginePlan) -> list[str]:
    """What would be run."""
    return [*(f"{name}={value}" for name, value in made.env.items()), shlex.join(made.argv)]


def node_lines(part: Node) -> list[str]:
    """What is typed on this machine, as a shell takes it, and the engine that it runs."""
    given = " ".join(f"{name}={shlex.quote(text)}" for name, text in part.variables.items())
    typed = [
        f"{given} {shlex.join(argv)}" if argv == cluster.SERVE else shlex.join(argv)
        for argv in part.commands
    ]
    env = " ".join(f"{name}={shlex.quote(text)}" for name, text in part.engine_env.items())
    runs = [f"which runs: {env} {shlex.join(part.engine)}"] if part.engine else []
    name = "Node 0, the head:" if part.rank == 0 else f"Node {part.rank}:"
    return ["", name, *(f"$ {line}" for line in typed), *runs]


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


def memory_table(made: EnginePlan, nodes: int) -> Table:
    """The estimate by part."""
    memory = made.memory
    where = "each GPU" if made.device == "cuda" else "this machine"
    table = Table("GiB", title=f"Memory ({where})")
    table.add_column("part")
    share = memory.weights_per_gpu_gib if made.device == "cuda" else memory.weights_gib / nodes
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
    nodes = f"{place.nodes} nodes with " if place.nodes > 1 else ""
    if not place.gpus:
        return f"{nodes}{place.cpus} CPU cores, {place.ram_gib:.0f} GiB"
    return f"{nodes}{len(place.gpus)} x {place.gpus[0].name}"
