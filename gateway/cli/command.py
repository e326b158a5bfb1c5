"""Shared parts of the commands: `--json` and the output of all, the error of the gateway's."""

import getpass
import json
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from gateway.settings.gateway import GatewaySettings

UNITS_S = {"m": 60, "h": 3600, "d": 86_400}
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


class CommandError(Exception):
    """A failed command: one sentence for a person, and the exit code of the process."""

    exit_code: ClassVar[int] = 2


class NegativeResult(CommandError):
    """A command that worked, and whose result is negative."""

    exit_code = 1


def parse_duration(text: str) -> int | None:
    """Return the seconds of a duration like 90d, 12h or 30m; None for another text."""
    match = re.fullmatch(r"([0-9]{1,5})([mhd])", text)
    return int(match[1]) * UNITS_S[match[2]] if match else None


def current_user() -> str:
    """Return the user's name, or its number in a container without user names."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


def operator_name(given: str | None) -> str:
    """Return the name in --by, else the current user."""
    return decode_argument(given or current_user())


def decode_argument(argument: str) -> str:
    """Return an argument as text, with a replacement for bytes that are not UTF-8."""
    return argument.encode(errors="surrogateescape").decode(errors="replace")


def put(sentence: str, document: Mapping[str, object], *, as_json: bool) -> None:
    """Write the sentence, or the document as JSON, to standard output."""
    text = json.dumps(document, ensure_ascii=False) if as_json else sentence
    sys.stdout.write(f"{text}\n")


@contextmanager
def readable(path: Path, problem: str = "cannot be read") -> Iterator[None]:
    """Turn an OSError from reading a file or folder into a CommandError."""
    try:
        yield
    except BrokenPipeError:  # standard output, not the file: `| head` has read enough
        raise
    except OSError as error:
        raise CommandError(f"{path} {problem} ({error.strerror}).") from None


def audit(settings: "GatewaySettings", kind: str, **facts: str) -> None:
    """Record an event in the audit trail; a failure only prints a warning."""
    from gateway.audit.file import ChainBroken, append_event  # few commands have events

    try:
        append_event(settings, kind, **facts)
    except (OSError, ChainBroken) as error:
        sys.stderr.write(f"This could not be written to the audit trail: {error}.\n")


def print_rows(rows: Sequence[Mapping[str, str]], console: "Console | None" = None) -> None:
    """Print a table. If it is wider than the terminal, print a paragraph for each row instead."""
    from rich.console import Console  # imported by commands with a table only
    from rich.table import Table
    from rich.text import Text

    console = console or Console(width=None if sys.stdout.isatty() else 200)

    table = Table(*(rows[0] if rows else ()), box=None)
    for row in rows:
        table.add_row(*map(Text, row.values()))  # brackets in a name are no markup
    unbounded = console.options.update(max_width=10_000)
    if console.measure(table, options=unbounded).maximum <= console.width:
        console.print(table)
        return
    for row in rows:
        (_, title), *rest = row.items()
        width = max(len(name) for name, _ in rest)
        lines = (f"  {name:<{width}}  {value}" for name, value in rest)
        console.print("\n".join([title, *lines]), markup=False, highlight=False)
