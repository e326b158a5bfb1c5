"""The commands in docs/cli.md, from the command line itself."""

from __future__ import annotations

import inspect
from typing import Any

import typer

from launcher.cli.app import COMMANDS, TASKS, build_command_line, load

COMMON = ("help", "key")  # described once, at the top of the page


def commands() -> str:
    """Render every command with the names of its options, under its task."""
    tree: Any = typer.main.get_command(build_command_line())
    parts = []
    for task, families in TASKS.items():
        named = {name: find(tree, name) for name in COMMANDS if name.split()[0] in families}
        parts.append("\n".join([f"## {task}", "", *map(line, named.items()), ""]))
    return "\n".join(parts)


def find(tree: Any, name: str) -> Any:
    """Return the command of that name, or the one inside its group."""
    for word in name.split():
        tree = tree.get_command(None, word)
    return tree


def line(named: tuple[str, Any]) -> str:
    """Render a command: its arguments, its summary, and its own options."""
    name, command = named
    own = [parameter for parameter in command.params if not is_common(parameter)]
    arguments = [argument(p) for p in own if p.param_type_name == "argument"]
    options = [f"`{p.opts[0]}`" for p in own if p.param_type_name != "argument"]
    listed = f" Options: {', '.join(options)}." if options else ""
    summary, _, _ = (inspect.getdoc(load(COMMANDS[name])) or "").partition("\n\n")
    meaning = " ".join(summary.split())
    return f"- **`{' '.join(['mmhie', name, *arguments])}`**: {meaning}{listed}"


def argument(parameter: Any) -> str:
    """Render an argument, in brackets if it is optional."""
    name = parameter.name.upper()
    return name if parameter.required else f"[{name}]"


def is_common(parameter: Any) -> bool:
    """Return whether the top of the page describes this option."""
    is_json = "--json" in parameter.opts
    is_url = parameter.name == "url" and not parameter.multiple
    return is_json or is_url or parameter.name in COMMON


BLOCKS = {"commands": commands}
