"""The `mmhie` command line: one table of commands, and the one place that renders an error."""

from __future__ import annotations

import sys
from collections.abc import Callable

import typer

from launcher.commands import hold, merge_adapter, plan, serve
from launcher.errors import LauncherError

COMMANDS: tuple[tuple[str, Callable[..., None]], ...] = (
    ("serve", serve.serve),
    ("plan", plan.plan),
    ("merge-adapter", merge_adapter.merge_adapter),
    ("hold", hold.hold),
    ("release", hold.release),
)


def application() -> typer.Typer:
    """Every command of the table under its name."""
    app = typer.Typer(name="mmhie", no_args_is_help=True, add_completion=False)
    app.callback()(about)
    for name, command in COMMANDS:
        app.command(name)(command)
    return app


def about() -> None:
    """A vLLM launcher and a gateway for a medical reasoning model."""


def main() -> None:
    """An error of ours is one sentence on standard error and its exit code; others are bugs."""
    try:
        application()()
    except LauncherError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(error.exit_code)
