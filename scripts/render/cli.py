"""The commands in docs/cli.md, from the command line itself."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import Any

import typer

from launcher.cli.app import COMMANDS, TASKS, build_command_line, load

COMMON = ("help", "key")  # described once, at the top of the page


def commands() -> str:
    """Render every command with its options, under its task."""
    tree: Any = typer.main.get_command(build_command_line())
    parts = []
    for task, families in TASKS.items():
        named = {name: find(tree, name) for name in COMMANDS if name.split()[0] in families}
        parts.append("\n".join([f"## {task}", "", *task_lines(named), ""]))
    return "\n".join(parts)


def task_lines(commands: Mapping[str, Any]) -> Iterator[str]:
    """Render each command with its own options, then the options that several share."""
    users: dict[str, list[str]] = {}
    for name, command in commands.items():
        for option in options(command):
            users.setdefault(option, []).append(f"`{name}`")
    for name, command in commands.items():
        yield f"- **`mmhie {name}`**: {paragraph(inspect.getdoc(load(COMMANDS[name])) or '')}"
        yield from (f"    - {option}" for option in options(command) if len(users[option]) == 1)
    for option, names in users.items():
        if len(names) > 1:
            yield f"- {', '.join(names)}: {option}"


def find(tree: Any, name: str) -> Any:
    """Return the command of that name, or the one inside its group."""
    for word in name.split():
        tree = tree.get_command(None, word)
    return tree


def options(command: Any) -> list[str]:
    """Render the arguments and options of a command, without its name."""
    return [line(parameter) for parameter in command.params if not is_common(parameter)]


def is_common(parameter: Any) -> bool:
    """Return whether the top of the page describes this option."""
    is_json = "--json" in parameter.opts
    is_url = parameter.name == "url" and not parameter.multiple
    return is_json or is_url or parameter.name in COMMON


def paragraph(text: str) -> str:
    """Join the lines of a text."""
    return " ".join(text.split())


def line(parameter: Any) -> str:
    """Render a parameter with its default."""
    is_argument = parameter.param_type_name == "argument"
    name = parameter.name.upper() if is_argument else ", ".join(parameter.opts)
    needed = " (required)" if parameter.required else ""
    default = "" if isinstance(parameter.default, bool) else parameter.default
    shown = f" Default: `{default}`." if isinstance(default, str | int) and default != "" else ""
    from_env = f" Or the variable `{parameter.envvar}`." if parameter.envvar else ""
    help_ = paragraph(getattr(parameter, "help", None) or "")
    return f"`{name}`{needed}: {help_}{shown}{from_env}"


BLOCKS = {"commands": commands}
