"""Plans: the tables of docs/hardware.md, and one as `mmhie plan` prints it in docs/launcher.md."""

from rich.console import Console

from launcher.cli.plan import described, planned, show_short
from launcher.errors import LauncherError
from launcher.models.facts import ModelFacts
from launcher.models.resolve import read_model
from launcher.planning.hardware import Hardware, parse
from launcher.planning.installation import Installation
from launcher.planning.plan import EnginePlan, make_plan
from launcher.settings import LauncherSettings, load
from scripts.render.page import NO_HUB, pairs

WIDTH = 100
COMMAND = "mmhie plan --gpus "
HEAD = (
    "| hardware | format | tensor x pipeline x data | context | weights | required "
    "| available | concurrent |\n"
    "|---|---|---|---|---|---|---|---|\n"
)


def planned_from(
    variables: str, hardware: str
) -> tuple[LauncherSettings, Hardware, ModelFacts, Installation]:
    """Return what a plan is made of: settings, machine, model and installation."""
    settings = load({"MMHIE_CACHE_DIR": "/var/cache/mmhie", **pairs(variables)}, None)
    model = read_model(settings, hub=NO_HUB)
    return settings, parse(hardware), model, Installation(python="python")


def text(line: str) -> str:
    """Render the output of `NAME=value ... mmhie plan --gpus HARDWARE`."""
    variables, _, hardware = line.partition(COMMAND)
    plan, used = planned(*planned_from(variables, hardware))
    console = Console(width=WIDTH, color_system=None)
    with console.capture() as capture:
        show_short(plan, described(used, parse(hardware)), console)
    shown = "\n".join(printed.rstrip() for printed in capture.get().splitlines())
    return f"```text\n$ {line}\n{shown}\n```\n"


def rows(line: str) -> str:
    """Render a row for each machine of `NAME=value ... mmhie plan --gpus HARDWARE...`."""
    variables, _, machines = line.partition(COMMAND)
    return HEAD + "".join(row(variables, hardware) for hardware in machines.split())


def row(variables: str, hardware: str) -> str:
    """Render one machine: the plan in GiB of one GPU (or of the machine), or the refusal."""
    name = f"`{hardware}` {described(parse(hardware))}"
    try:
        made = make_plan(*planned_from(variables, hardware), strict=False)
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


BLOCKS = {"plan": text, "table": rows}
