"""`mmhie audit search | check`: find lines of the trail, and the line of a copy of an answer."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from gateway.audit.account import printable
from gateway.audit.pseudonyms import Pseudonyms
from gateway.cli.audit import File, genuine_records, trail
from gateway.cli.command import AsJson, CommandError, NegativeResult, put, readable
from gateway.runtime.json_types import Json
from gateway.safety.labels import keyed_digest
from gateway.settings.gateway import load

MOST_BYTES = 10_000_000  # of a copy: no answer is longer
LABELS = 8  # paragraphs above or below an answer, at most: notices, what was cut, disclaimer
PERSONS = ("reviewer", "by", "closed_by", "user")
WHO = ("client", "user", "patient", "reviewer")
SUMMARY = ("time", "kind", "request_id", *WHO, "model", "category", "outcome")
TIME = re.compile(r"\d{4}(-\d\d(-\d\d(T\d\d(:\d\d(:\d\d(\.\d{1,3})?)?)?)?)?)?Z?")


def checked_time(text: str | None) -> str | None:
    """Return a time, or its beginning, as the trail writes it. Raises CommandError."""
    if text is not None and not TIME.fullmatch(text):
        raise CommandError(f"{text!a} is no time in UTC; write it as 2026-11-28T10:30.")
    return text and text.removesuffix("Z")


Since = Annotated[
    str | None,
    typer.Option(callback=checked_time, help="First time, as 2026-11-28T10:30, in UTC."),
]
Until = Annotated[
    str | None, typer.Option(callback=checked_time, help="Time before which, in the same form.")
]
Client = Annotated[str | None, typer.Option(help="Name of a key, or subject of a token.")]
Person = Annotated[
    str | None, typer.Option(help="Who asked, signed off, closed, or held the model.")
]
Patient = Annotated[str | None, typer.Option(help="Identifier of the patient who was asked about.")]
Request = Annotated[str | None, typer.Option(help="Request id, the gateway's or the caller's.")]
Notice = Annotated[str | None, typer.Option(help="Id of a notice that was shown.")]
Copy = Annotated[Path, typer.Argument(help="Copy of an answer, as text.", show_default=False)]


class NothingFound(NegativeResult):
    """No line is what was looked for."""


def search(  # noqa: PLR0913, PLR0917 - one parameter for each option
    since: Since = None,
    until: Until = None,
    client: Client = None,
    person: Person = None,
    patient: Patient = None,
    request: Request = None,
    notice: Notice = None,
    file: File = None,
    as_json: AsJson = False,
) -> None:
    """List the lines that match all options; exit code 1 if there is none."""
    path, key = trail(file)
    names = Pseudonyms.of(key)
    with readable(path):
        records = [
            record
            for record in genuine_records(path, key)
            if is_within(record, since, until)
            and is_of(record, client, ("client",))
            and (
                is_of(record, person, PERSONS)
                or is_of(record, names.user(str(person)), ("user", "client"))
            )
            and (patient is None or record.get("patient") == names.patient(patient))
            and is_of(record, request, ("request_id", "caller_request_id"))
            and (notice is None or notice in record.get("notices", ()))
        ]
    if not records:
        raise NothingFound(f"No line of {path} fits; leave out an option, or name another --file.")
    put("\n".join(map(summary, records)), {"lines": records}, as_json=as_json)


def is_within(record: Json, since: str | None, until: str | None) -> bool:
    """Return whether a line's time, in RFC 3339, lies between two such times or beginnings."""
    time = str(record.get("time", ""))
    return (since is None or time >= since) and (until is None or time < until)


def is_of(record: Json, wanted: str | None, names: tuple[str, ...]) -> bool:
    """Return whether one of these fields is what is wanted, if anything is."""
    return wanted is None or wanted in (record.get(name) for name in names)


def summary(record: Json) -> str:
    """Return a line of the trail in one line for a person."""
    told = (str(record[name]) for name in SUMMARY if record.get(name))
    notices = ", ".join(record.get("notices", ()))
    return printable(" ".join([*told, *([f"notices: {notices}"] if notices else [])]))


def check(copy: Copy, file: File = None, as_json: AsJson = False) -> None:
    """Find the answer that a text was copied from; exit code 1 if there is none."""
    key = load().digest_key
    if key is None:
        raise CommandError("MMHIE_DIGEST_KEY must be set, to the key of when the answer was given.")
    given, secret = read(copy), key.get_secret_value().encode()
    text = given.replace("\r\n", "\n")  # an editor's, as is a newline at the end
    whole = {keyed_digest(secret, form) for form in (given, text.removesuffix("\n"), text.strip())}
    digests = whole.union(keyed_digest(secret, part) for part in parts(text))
    path, audit_key = trail(file)
    with readable(path):
        records = [
            record
            for record in genuine_records(path, audit_key)
            if digests.intersection(record.get("output_digests", ()))
        ]
    if not records:
        raise NothingFound(
            f"{copy} is no answer in this trail, letter for letter: it was changed, is a part of "
            "one, or was given under another MMHIE_DIGEST_KEY."
        )
    is_whole = any(whole.intersection(record["output_digests"]) for record in records)
    beside = "" if is_whole else ", and other paragraphs before or after it"
    sentence = f"{copy} is what was answered{beside}:"
    put("\n".join([sentence, *map(summary, records)]), {"lines": records}, as_json=as_json)


def read(copy: Path) -> str:
    """Return the text of a file. Raises CommandError."""
    try:
        if copy.stat().st_size > MOST_BYTES:
            raise CommandError(f"{copy} is longer than any answer: name a copy of one answer.")
        return copy.read_bytes().decode()
    except (OSError, UnicodeDecodeError):
        raise CommandError(f"{copy} cannot be read as text in UTF-8: name another file.") from None


def parts(text: str) -> Iterator[str]:
    """Yield a text without the first and last paragraphs, which may be its labels."""
    paragraphs = text.strip().split("\n\n")
    for start in range(min(LABELS, len(paragraphs))):
        for end in range(len(paragraphs), max(start, len(paragraphs) - LABELS), -1):
            yield "\n\n".join(paragraphs[start:end])
