"""Write the tables of docs/hardware.md with the estimator; `--check` fails when it differs."""

import re
import sys
from pathlib import Path

from launcher.cli.plan import described
from launcher.errors import LauncherError
from launcher.models.resolve import read_model
from launcher.planning.hardware import parse
from launcher.planning.installation import Installation
from launcher.planning.plan import EnginePlan, make_plan
from launcher.settings import load

PAGE = Path(__file__).parent.parent / "docs" / "hardware.md"
TABLE = re.compile(r"(<!-- table: (.*?)mmhie plan --gpus (.*?) -->\n)(?:\|.*\n)*")
HEAD = (
    "| hardware | format | tensor x pipeline x data | context | weights | needed "
    "| there is | at once |\n"
    "|---|---|---|---|---|---|---|---|\n"
)


def row(environ: dict[str, str], hardware: str) -> str:
    """One machine's line: the plan in figures, GiB of one GPU (or of the machine), or why not."""
    settings = load({"MMHIE_CACHE_DIR": "/var/cache/mmhie", **environ}, None)
    place = parse(hardware)
    model = read_model(settings, hub=Path("/nowhere"))  # this machine's hub does not belong here
    name = f"`{hardware}` {described(place)}"
    try:
        made = make_plan(settings, place, model, Installation(python="python"), strict=False)
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
        f"{memory.max_concurrent:,}" if memory.fits else "does not fit",
    )


def rendered(page: str) -> str:
    """The page with every table made anew."""

    def anew(match: re.Match[str]) -> str:
        environ = dict(pair.split("=", 1) for pair in match[2].split())
        return match[1] + HEAD + "".join(row(environ, one) for one in match[3].split())

    return TABLE.sub(anew, page)


def main() -> None:
    """Rewrite the page, or compare it."""
    page = PAGE.read_text()
    made = rendered(page)
    if "--check" not in sys.argv:
        PAGE.write_text(made)
    elif page != made:
        sys.exit("docs/hardware.md is out of date: run `make docs`.")


if __name__ == "__main__":
    main()
