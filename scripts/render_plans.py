"""Write the plans shown in docs/launcher.md; `--check` fails when the tool says otherwise."""

import io
import re
import sys
from pathlib import Path

from rich.console import Console

from launcher.checkpoint import read_model
from launcher.commands.plan import show
from launcher.hardware import parse
from launcher.installation import Installation
from launcher.plan import make_plan
from launcher.settings import load

PAGE = Path(__file__).parent.parent / "docs" / "launcher.md"
BLOCK = re.compile(r"(<!-- plan: (.*?) -->\n)```text\n.*?```\n", re.DOTALL)
WIDTH = 100


def render(line: str) -> str:
    """The plan for `NAME=value ... mmhie plan --gpus HARDWARE`, as the command prints it."""
    *variables, hardware = line.replace(" mmhie plan --gpus", "").split()
    environ = dict(variable.split("=", 1) for variable in variables)
    settings = load({"MMHIE_CACHE_DIR": "/var/cache/mmhie", **environ}, None)
    place = parse(hardware)
    # Neither this machine's hub cache nor its interpreter's path belongs on the page.
    model = read_model(settings, hub=Path("/nowhere"))
    made = make_plan(settings, place, model, Installation(python="python"))
    console = Console(file=io.StringIO(), width=WIDTH, color_system=None)
    show(made, place, console)
    written: str = console.file.getvalue()  # type: ignore[attr-defined] # the StringIO above
    return "\n".join(text.rstrip() for text in written.splitlines()) + "\n"


def rendered(page: str) -> str:
    """The page with every block made anew."""

    def anew(match: re.Match[str]) -> str:
        shown = match[2].removeprefix("mmhie plan --gpus ")
        return f"{match[1]}```text\n$ {match[2]}\n{render(shown)}```\n"

    return BLOCK.sub(anew, page)


def main() -> None:
    """Rewrite the page, or compare it."""
    page = PAGE.read_text()
    made = rendered(page)
    if "--check" not in sys.argv:
        PAGE.write_text(made)
    elif page != made:
        sys.exit("docs/launcher.md is out of date: run `python scripts/render_plans.py`.")


if __name__ == "__main__":
    main()
