"""The `mmhie` command line: one table of commands, and the one place that renders an error."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

import typer

from launcher.commands import audit, doctor, fetch, hold, keys, merge_adapter, plan, serve
from launcher.errors import LauncherError

Commands = tuple[tuple[str, Callable[..., None]], ...]

COMMANDS: Commands = (
    ("serve", serve.serve),
    ("plan", plan.plan),
    ("doctor", doctor.doctor),
    ("fetch", fetch.fetch),
    ("merge-adapter", merge_adapter.merge_adapter),
    ("hold", hold.hold),
    ("release", hold.release),
    ("keys new", keys.new),
    ("keys list", keys.show),
    ("keys revoke", keys.revoke),
    ("audit verify", audit.verify),
    ("audit export", audit.export),
)


GROUPS = {
    "keys": "Who may use the gateway.",
    "audit": "What the audit trail proves.",
}


def application(commands: Commands = COMMANDS) -> typer.Typer:
    """Every command of the table under its name; the first of two words is its group."""
    app = group("mmhie")
    app.callback()(about)
    groups = {"": app}
    for name, command in commands:
        family, _, own = name.rpartition(" ")
        if family not in groups:
            groups[family] = group(family)
            app.add_typer(groups[family], help=GROUPS.get(family))
        groups[family].command(own)(command)
    return app


def group(name: str) -> typer.Typer:
    return typer.Typer(
        name=name,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,  # it prints local variables, keys among them
    )


def about() -> None:
    """A vLLM launcher and a gateway for a medical reasoning model."""


def run(app: typer.Typer, arguments: Sequence[str] | None = None) -> None:
    """An error of ours is one sentence on standard error and its exit code; others are bugs."""
    try:
        app(arguments)
    except LauncherError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(error.exit_code)


def main() -> None:
    """The `mmhie` script."""
    run(application())
