"""Plans shown in docs/launcher.md, as `mmhie plan` prints them."""

import io
import re
from pathlib import Path

from rich.console import Console

from launcher.cli.plan import described, planned, show_short
from launcher.models.resolve import read_model
from launcher.planning.hardware import parse
from launcher.planning.installation import Installation
from launcher.settings import load
from scripts.render.page import DOCS, NO_HUB, pairs, with_blocks

BLOCK = re.compile(r"(<!-- plan: (.*?) -->\n)```text\n.*?```\n", re.DOTALL)
WIDTH = 100


def render(line: str) -> str:
    """Render the output of `NAME=value ... mmhie plan --gpus HARDWARE`."""
    variables, _, hardware = line.rpartition("mmhie plan --gpus ")
    settings = load({"MMHIE_CACHE_DIR": "/var/cache/mmhie", **pairs(variables)}, None)
    machine = parse(hardware)
    model = read_model(settings, hub=NO_HUB)
    plan, used, _ = planned(settings, machine, model, Installation(python="python"), None)
    console = Console(file=io.StringIO(), width=WIDTH, color_system=None)
    show_short(plan, described(used, machine), console)
    written: str = console.file.getvalue()  # type: ignore[attr-defined] # the StringIO above
    return "\n".join(text.rstrip() for text in written.splitlines()) + "\n"


def pages() -> dict[Path, str]:
    """Return docs/launcher.md with every plan made anew."""
    path = DOCS / "launcher.md"
    return {path: with_blocks(path, BLOCK, _block)}


def _block(match: re.Match[str]) -> str:
    return f"```text\n$ {match[2]}\n{render(match[2])}```\n"
