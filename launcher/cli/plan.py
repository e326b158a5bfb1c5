"""`mmhie plan`: the engine that would run, its memory and the reasons; nothing is started."""

import json
import os
import shlex
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

import typer

from gateway.cli.command import AsJson
from launcher.errors import DeviceFailed, HardwareError, SettingsError
from launcher.models.resolve import read_model
from launcher.planning import hardware, installation
from launcher.planning.hardware import Hardware
from launcher.planning.plan import EnginePlan
from launcher.planning.planner import make_plans
from launcher.planning.weights import file_bytes, weight_bytes
from launcher.settings import is_offline, load
from launcher.terminal.terminal import align_rows

Gpus = Annotated[
    str | None, typer.Option(help="Plan for other hardware: 4x80, 2xh100, 2x40,cc=8.0, cpu,ram=64.")
]


def plan(gpus: Gpus = None, as_json: AsJson = False) -> None:
    """Show whether the model fits, in how much memory, why, and the engine's command line."""
    settings = load(os.environ)
    if settings.engine_urls:
        raise SettingsError(
            "MMHIE_ENGINE_URLS names engines that run elsewhere; unset it to plan one here."
        )
    machine = choose_hardware(gpus)
    model = read_model(settings, ask_hub=not is_offline())
    plans = make_plans(settings, machine, model, installation.detect(), strict=False)
    made = smallest(plans)
    if as_json:
        sys.stdout.write(json.dumps(made.as_json(), indent=2) + "\n")
    else:
        sys.stdout.write("".join(f"{line}\n" for line in lay_out(made, machine)))
    if made.refusal is not None:
        raise made.refusal


def choose_hardware(gpus: str | None) -> Hardware:
    """Return the hardware that the option describes, else this machine."""
    if gpus is not None:
        return hardware.parse(gpus)
    machine = hardware.detect()
    if isinstance(machine.fault, DeviceFailed):  # nothing is to be restarted for a plan
        return replace(machine, fault=HardwareError(str(machine.fault)))
    return machine


def smallest(plans: Sequence[EnginePlan]) -> EnginePlan:
    """Return the plan of the engine with the least room."""
    return min(plans, key=lambda plan: plan.memory.max_concurrent)


def lay_out(plan: EnginePlan, machine: Hardware) -> list[str]:
    """Return verdict, what runs where, warnings, reasons, and the engine's command."""
    memory, engines = plan.memory, plan.settings.engines or 1
    place = "each GPU" if plan.device == "cuda" else "this machine"
    form = plan.quantization.method or plan.dtype
    rows = {
        "model": f"{plan.model.id} ({form})",
        "hardware": describe_hardware(machine),
        "engines": f"{engines} (the plan is that of the smallest)" * (engines > 1),
        "memory": f"{memory.per_gpu_gib:.1f} of {memory.available_gib:.1f} GiB of {place}",
        "context": f"{plan.context.max_model_len:,} tokens",
        "disk": describe_disk(plan),
        "first": f"a checkpoint is made ({plan.preparation})" if plan.preparation else "",
        "start": "mmhie serve" if memory.starts else "",
    }
    return [
        memory.verdict,
        *align_rows(rows),
        *(f"Warning: {warning}" for warning in plan.warnings),
        *(f"- {reason}" for reason in plan.reasons),
        *(f"{name}={value}" for name, value in plan.env.items()),
        shlex.join(plan.argv),
    ]


def describe_disk(plan: EnginePlan) -> str:
    """Return what is downloaded, and what the model's files take with a checkpoint made of them."""
    fetched = file_bytes(plan.model)
    made = weight_bytes(plan.model, plan.quantization.method) if plan.preparation else 0
    download = f"{fetched / 1e9:.1f} GB to download, " if plan.model.missing else ""
    return f"{download}{(fetched + made) / 1e9:.1f} GB in all"


def describe_hardware(machine: Hardware) -> str:
    """Name the GPUs by kind, else cores and memory."""
    kinds = Counter(gpu.name for gpu in machine.gpus)
    gpus = " + ".join(f"{count} x {name}" for name, count in kinds.items())
    return gpus or f"{machine.cpus} CPU cores, {machine.ram_gib:.0f} GiB"
