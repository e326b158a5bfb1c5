"""docs/cli.md, from the command line itself."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import typer

from launcher.cli.app import COMMANDS, GROUPS, application, load
from scripts.render.page import DOCS

HEAD = """\
# The command line

`mmhie`, made by `make docs` from the program itself. Every `MMHIE_*` variable of
[settings.md](settings.md) counts, from the environment or a `.env` file.

- `--json`: one JSON object on standard output (a line for each phase or record where it goes on),
  for scripts. Progress, questions and errors are on standard error.
- `mmhie --install-completion` teaches the shell (bash, zsh, fish) to complete commands and options;
  `mmhie --show-completion` prints what it would install.
- Whatever goes wrong is one sentence on standard error.

| exit code | |
|---|---|
| 0 | done; also: stopped because it was asked to |
| 1 | asked and the answer is no: a damaged trail, a model not ready, a question not answered |
| 2 | wrong input: an option, a setting, a model, a file, hardware that does not do |
| 70 | a fault of `mmhie` itself; the sentence names the file with the details |
| 130 | interrupted with Ctrl-C |

`mmhie engine` ends with the engine's own exit code.
"""


def pages() -> dict[Path, str]:
    """Return docs/cli.md: one section for each command."""
    tree: Any = typer.main.get_command(application())
    parts = [HEAD]
    for name, function in COMMANDS.items():
        command = tree
        for word in name.split():
            command = command.get_command(None, word)
        parts.append(section(name, inspect.getdoc(load(function)) or "", command))
    return {DOCS / "cli.md": "\n".join(parts)}


def section(name: str, summary: str, command: Any) -> str:
    """Render one command: its help, arguments and options."""
    family = name.rpartition(" ")[0]
    place = f"{GROUPS[family]} " if family in GROUPS else ""
    rows = [row(one) for one in command.params if one.name != "help"]
    table = ["| | |", "|---|---|", *rows] if rows else []
    return "\n".join([f"## mmhie {name}", "", f"{place}{paragraph(summary)}", "", *table, ""])


def paragraph(text: str) -> str:
    """Join the lines of a text."""
    return " ".join(text.split())


def row(parameter: Any) -> str:
    """Render a parameter with its default."""
    is_argument = parameter.param_type_name == "argument"
    name = parameter.name.upper() if is_argument else ", ".join(parameter.opts)
    needed = " (required)" if parameter.required else ""
    default = "" if isinstance(parameter.default, bool) else parameter.default
    shown = f" Default: `{default}`." if isinstance(default, str | int) and default != "" else ""
    from_env = f" Or the variable `{parameter.envvar}`." if parameter.envvar else ""
    help_ = paragraph(getattr(parameter, "help", None) or "").replace("|", "\\|")
    return f"| `{name}`{needed} | {help_}{shown}{from_env} |"
