"""Shared parts of the commands: `--json` and the output of all, the error of the gateway's."""

import csv
import getpass
import json
import os
import re
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

import orjson
import typer

if TYPE_CHECKING:
    from gateway.settings.gateway import GatewaySettings

UNITS_S = {"m": 60, "h": 3600, "d": 86_400}
FORMULA = ("=", "+", "-", "@")  # a spreadsheet would calculate what begins like this
NOTHING = "-"  # in a table
WIDEST = 40  # characters of a column of labels, which may be those of a forged line
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
AsLines = Annotated[bool, typer.Option("--json", help="No effect: it writes JSON lines.")]


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


def decode_argument(argument: str) -> str:
    """Return an argument as text, with a replacement for bytes that are not UTF-8."""
    return argument.encode(errors="surrogateescape").decode(errors="replace")


def operator_name(given: str = "") -> str:
    """Return the name in --by, else the current user."""
    return decode_argument(given or current_user())


By = Annotated[
    str,
    typer.Option(
        callback=operator_name, show_default=False, help="Who; default: the current user."
    ),
]


def put(sentence: str, document: Mapping[str, object], *, as_json: bool) -> None:
    """Write the sentence, or the document as JSON, to standard output."""
    text = json.dumps(document, ensure_ascii=False) if as_json else sentence
    sys.stdout.write(f"{text}\n" if text else "")


def put_lines(documents: Iterable[Mapping[str, object]]) -> int:
    """Write each as a line of JSON; return how many."""
    written = 0
    for document in documents:
        sys.stdout.write(f"{orjson.dumps(document).decode()}\n")
        written += 1
    return written


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


def printable(text: str) -> str:
    """Replace characters that would control a terminal: a name may come from a token."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def describe(fields: Mapping[str, object]) -> str:
    """Return a table of label and value; further lines of a text are indented."""
    rows = list(flatten("", fields))
    width = min(WIDEST, max(len(label) for label, _ in rows)) + 2
    return "\n".join(
        f"{printable(label):<{width}}" + f"\n{'':{width}}".join(map(printable, text.splitlines()))
        for label, text in rows
    )


def flatten(label: str, value: object) -> Iterator[tuple[str, str]]:
    """Yield each value with its label; one inside another has the labels of both."""
    if isinstance(value, Mapping):
        for name, part in value.items():
            yield from flatten(f"{label} {name}".strip(), part)
    elif isinstance(value, list) and any(isinstance(part, Mapping) for part in value):
        for part in value:
            yield from flatten(label, part)
    else:
        text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        yield label, NOTHING if value is None else text


def write_table(title: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(title)
    for row in rows:
        writer.writerow([make_cell(value) for value in row])


def make_cell(value: object) -> str:
    """Return a value as printable text that is no formula."""
    text = printable(str(value))
    return f"'{text}" if text.startswith(FORMULA) and text != NOTHING else text


def lay_out(rows: Sequence[Mapping[str, str]]) -> str:
    """Return a table. If it is wider than the terminal, each row is one instead."""
    lines = [tuple(rows[0]), *(tuple(map(printable, row.values())) for row in rows)] if rows else []
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    if sys.stdout.isatty() and sum(widths) + 2 * len(widths) > shutil.get_terminal_size().columns:
        return "\n\n".join(map(describe, rows))
    padded = (
        [f"{text:<{width}}" for text, width in zip(line, widths, strict=True)] for line in lines
    )
    return "\n".join("  ".join(line).rstrip() for line in padded)
