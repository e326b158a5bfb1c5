"""Write the plans shown in docs/launcher.md; `--check` fails when the tool says otherwise."""

import io
import re
import sys
from pathlib import Path

from rich.console import Console

from launcher.cli.plan import planned, show, together
from launcher.models.resolve import read_model
from launcher.planning.hardware import parse
from launcher.planning.installation import Installation
from launcher.settings import load

PAGE = Path(__file__).parent.parent / "docs" / "launcher.md"
BLOCK = re.compile(r"(<!-- plan: (.*?) -->\n)```text\n.*?```\n", re.DOTALL)
WIDTH = 100


def render(line: str) -> str:
    """The plan for `NAME=value ... mmhie plan --gpus HARDWARE` (or --nodes), as it is printed."""
    variables, _, options = line.rpartition("mmhie plan ")
    option, described = options.split()
    given = dict(variable.split("=", 1) for variable in variables.split())
    settings = load({"MMHIE_CACHE_DIR": "/var/cache/mmhie", **given}, None)
    place = parse(described)
    if option == "--nodes":
        settings = together(settings, place)
    # Neither this machine's hub cache nor its interpreter's path belongs on the page.
    model = read_model(settings, hub=Path("/nowhere"))
    per_node = given if option == "--nodes" else None
    made, parts = planned(settings, place, model, Installation(python="python"), per_node)
    console = Console(file=io.StringIO(), width=WIDTH, color_system=None)
    show(made, place, console, parts)
    written: str = console.file.getvalue()  # type: ignore[attr-defined] # the StringIO above
    return "\n".join(text.rstrip() for text in written.splitlines()) + "\n"


def rendered(page: str) -> str:
    """The page with every block made anew."""

    def anew(match: re.Match[str]) -> str:
        return f"{match[1]}```text\n$ {match[2]}\n{render(match[2])}```\n"

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
