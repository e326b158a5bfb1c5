"""The `mmhie` command line: one table of commands, and the one place that renders an error."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Sequence
from tempfile import NamedTemporaryFile
from typing import Final, cast

import typer

from launcher.cli import (
    audit,
    capacity,
    chat,
    doctor,
    engine,
    fetch,
    hold,
    keys,
    merge_adapter,
    plan,
    serve,
    status,
)
from launcher.errors import LauncherError

# The parser's own complaint; typer carries its parser inside itself and exports only the leaf.
USAGE_ERROR: Final = cast("type[typer.BadParameter]", typer.BadParameter.__mro__[1])
UNREAD, FAULT, INTERRUPTED = 1, 70, 130
Commands = tuple[tuple[str, Callable[..., None]], ...]

COMMANDS: Commands = (
    ("serve", serve.serve),
    ("engine", engine.engine),
    ("chat", chat.chat),
    ("status", status.status),
    ("plan", plan.plan),
    ("capacity", capacity.capacity),
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
    app = group("mmhie", add_completion=True)
    app.callback()(about)
    groups = {"": app}
    for name, command in commands:
        family, _, own = name.rpartition(" ")
        if family not in groups:
            groups[family] = group(family)
            app.add_typer(groups[family], help=GROUPS.get(family))
        groups[family].command(own)(command)
    return app


def group(name: str, *, add_completion: bool = False) -> typer.Typer:
    return typer.Typer(
        name=name,
        no_args_is_help=True,
        add_completion=add_completion,
        pretty_exceptions_enable=False,  # it prints local variables, keys among them
    )


def about() -> None:
    """A vLLM launcher and a gateway for a medical reasoning model."""


def run(app: typer.Typer, arguments: Sequence[str] | None = None) -> None:
    """Run a command and end the process with its exit code; docs/cli.md lists them."""
    sys.exit(exit_code(app, arguments))


def exit_code(app: typer.Typer, arguments: Sequence[str] | None) -> int:
    """What a command came to; whatever went wrong is a sentence on standard error by then."""
    try:
        ended = app(arguments, prog_name="mmhie", standalone_mode=False)
        sys.stdout.flush()
        return ended if isinstance(ended, int) else 0
    except LauncherError as error:
        return told(str(error), error.exit_code)
    except USAGE_ERROR as error:
        return told(usage(error), 2)
    except typer.Abort:
        return INTERRUPTED
    except BrokenPipeError:  # `| head` has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return UNREAD
    except Exception:  # the last wall: a person gets a sentence, the traceback goes to a file
        return told(fault(traceback.format_exc()), FAULT)


def told(sentence: str, code: int) -> int:
    sys.stderr.write(f"{sentence}\n" if sentence else "")
    return code


def usage(error: typer.BadParameter) -> str:
    """What is wrong with the command line, and where to read what is right."""
    said = error.format_message()
    if error.ctx is None or "\n" in said or not said:  # the help itself, where no command was given
        return said
    return f"{said.rstrip('.')}; see `{error.ctx.command_path} --help`."


def fault(trace: str) -> str:
    """The sentence about a fault of ours; its details go to a file that only this user can read."""
    with NamedTemporaryFile("w", prefix="mmhie-fault-", suffix=".txt", delete=False) as file:
        file.write(trace)
    name = trace.strip().splitlines()[-1].partition(":")[0]
    return f"This is a fault of mmhie ({name}), please report it; its details are in {file.name}."


def main() -> None:
    """The `mmhie` script."""
    run(application())
