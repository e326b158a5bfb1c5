"""`mmhie plan`: the engine that would run, its memory and the reasons; nothing is started."""

import json
import os
import shlex
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, NamedTuple

import typer

from gateway.cli.command import AsJson
from launcher.cli.app import wrap_sentence
from launcher.errors import DeviceFailed, HardwareError, SettingsError
from launcher.models.facts import ModelFacts
from launcher.models.resolve import read_model
from launcher.planning import hardware, installation
from launcher.planning.cards import Gpu
from launcher.planning.engines import make_plans
from launcher.planning.hardware import Hardware
from launcher.planning.installation import Installation
from launcher.planning.plan import EnginePlan
from launcher.planning.weights import file_bytes, weight_bytes
from launcher.settings import LauncherSettings, is_offline, load
from launcher.terminal.terminal import align_rows

MOST_LINES = 12

Gpus = Annotated[
    str | None,
    typer.Option(help="Plan for other hardware: 4x80, 2xh100, 2x40,cc=8.0, cpu,ram=64."),
]
Verbose = Annotated[
    bool,
    typer.Option("--verbose", help="Add decisions, memory by part, reasons and the engine's line."),
]


def plan(
    gpus: Gpus = None,
    verbose: Verbose = False,
    as_json: AsJson = False,
) -> None:
    """Show whether the model fits, in how much memory, and what starts it."""
    settings = load(os.environ)
    if settings.engine_urls:
        raise SettingsError(
            "MMHIE_ENGINE_URLS names engines that run elsewhere; unset it to plan one here."
        )
    machine = choose_hardware(gpus)
    model = read_model(settings, ask_hub=not is_offline())
    made, used = make_smallest_plan(settings, machine, model, installation.detect())
    if as_json:
        sys.stdout.write(json.dumps(made.as_json(), indent=2) + "\n")
    else:
        list_lines = list_all if verbose else list_short
        lines = list_lines(made, describe_hardware(used, machine))
        sys.stdout.write("".join(f"{line}\n" for line in lines))
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


class Planned(NamedTuple):
    """The plan of the smallest engine, and the machine with the GPUs that all engines use."""

    plan: EnginePlan
    used: Hardware


def make_smallest_plan(
    settings: LauncherSettings, machine: Hardware, model: ModelFacts, installed: Installation
) -> Planned:
    """Plan every engine, and return the smallest. Raises LauncherError, but not for memory."""
    plans = make_plans(settings, machine, model, installed, strict=False)
    least = min(plans, key=lambda plan: plan.memory.max_concurrent)
    used = replace(machine, gpus=tuple(gpu for plan in plans for gpu in list_used_gpus(plan)))
    return Planned(least, used)


def list_used_gpus(plan: EnginePlan) -> tuple[Gpu, ...]:
    """Return the GPUs that an engine uses."""
    count = plan.decisions.sizes.devices
    return plan.decisions.hardware.gpus[:count] if plan.device == "cuda" else ()


def list_short(plan: EnginePlan, machine: str) -> list[str]:
    """Return verdict, model, memory, warnings and one command."""
    memory = plan.memory
    place = "each GPU" if plan.device == "cuda" else "this machine"
    form = plan.dtype if plan.quantization == "none" else plan.quantization
    rows = {
        "model": f"{plan.served_model} ({form})",
        "hardware": machine,
        "engines": describe_engines(plan),
        "memory": f"{memory.per_gpu_gib:.1f} of {memory.available_gib:.1f} GiB of {place}",
        "context": f"{plan.max_model_len:,} tokens",
        "disk": describe_disk(plan),
        "first": f"a checkpoint is made ({plan.preparation})" if plan.preparation else "",
        "start": "mmhie serve" if memory.starts else "",
    }
    shown = [memory.verdict, *align_rows(rows)]
    shown += warnings_in_short(plan.warnings, MOST_LINES - len(shown) - 1)
    return [*(wrap_sentence(line, sys.stdout) for line in shown), "More: mmhie plan --verbose"]


def warnings_in_short(warnings: Sequence[str], room: int) -> list[str]:
    """Return the warnings that fit, and the number of the others."""
    shown = len(warnings) if len(warnings) <= room else room - 1
    lines = [f"Warning: {warning}" for warning in warnings[:shown]]
    left = len(warnings) - shown
    return [*lines, f"Warnings left out: {left}."] if left else lines


def list_all(plan: EnginePlan, machine: str) -> list[str]:
    """Return verdict, decisions, memory by part, reasons, warnings and the engine's command."""
    sizes = (plan.tensor_parallel, plan.pipeline_parallel)
    decisions = {
        "model": plan.served_model,
        "hardware": machine,
        "device": plan.device,
        "engines": describe_engines(plan),
        "quantization": plan.quantization,
        "data type": plan.dtype,
        "tensor x pipeline parallel": " x ".join(map(str, sizes)),
        "context": f"{plan.max_model_len} tokens",
        "adapter": plan.adapter or "none",
        "checkpoint to make first": plan.preparation or "nothing",
    }
    return [
        plan.memory.verdict,
        *align_rows(decisions),
        *align_rows(list_memory(plan)),
        *(f"- {reason}" for reason in plan.reasons),
        *(f"Warning: {warning}" for warning in plan.warnings),
        *(f"{name}={value}" for name, value in plan.env.items()),
        shlex.join(plan.argv),
    ]


def list_memory(plan: EnginePlan) -> dict[str, str]:
    """Return the memory by part, of one GPU or of the machine."""
    memory = plan.memory
    on_gpu = plan.device == "cuda"
    parts = {
        "weights": memory.weights_per_gpu_gib if on_gpu else memory.weights_gib,
        "activations": memory.activations_gib,
        "engine overhead": memory.overhead_gib,
        "KV cache": memory.kv_room_gib,
        f"required{' of each GPU' * on_gpu}": memory.per_gpu_gib,
        "available": memory.available_gib,
    }
    return {name: f"{gib:6.2f} GiB" for name, gib in parts.items()}


def describe_disk(plan: EnginePlan) -> str:
    """Return what is downloaded, and what the model's files take with a checkpoint made of them."""
    fetched = file_bytes(plan.model)
    made = weight_bytes(plan.model, plan.decisions.quantization.method) if plan.preparation else 0
    download = f"{fetched / 1e9:.1f} GB to download, " if plan.model.missing else ""
    return f"{download}{(fetched + made) / 1e9:.1f} GB in all"


def describe_engines(plan: EnginePlan) -> str:
    """Return the number of engines, if there are several."""
    count = plan.decisions.settings.engines or 1
    return f"{count} (the plan is that of the smallest)" * (count > 1)


def describe_hardware(used: Hardware, whole: Hardware | None = None) -> str:
    """Name the hardware that is used, and the GPUs of the whole machine that are not."""
    left = Counter(gpu.name for gpu in whole.gpus) if whole else Counter()
    left.subtract(gpu.name for gpu in used.gpus)
    idle = list_gpus(+left)
    rest = f" (not used: {idle})" if idle else ""
    if not used.gpus:
        return f"{used.cpus} CPU cores, {used.ram_gib:.0f} GiB{rest}"
    return f"{list_gpus(Counter(gpu.name for gpu in used.gpus))}{rest}"


def list_gpus(names: Mapping[str, int]) -> str:
    """Join GPUs by name and number."""
    return " + ".join(f"{count} x {name}" for name, count in names.items())
