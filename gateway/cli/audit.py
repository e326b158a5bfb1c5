"""`mmhie audit show | patient`: read the trail, and what all its commands share."""

import contextlib
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from gateway.audit import chain
from gateway.audit.file import lock_of
from gateway.audit.patient_identifiers import identify
from gateway.audit.pseudonyms import Pseudonyms
from gateway.audit.rotation import has_key, trails_in
from gateway.audit.search import Search, search_trails
from gateway.cli.command import (
    AsJson,
    By,
    CommandError,
    NegativeResult,
    audit,
    decode_argument,
    describe,
    flatten,
    lay_out,
    parse_duration,
    put,
    readable,
    write_table,
)
from gateway.record import rfc3339
from gateway.runtime.json_types import Json
from gateway.settings.gateway import load

# Of a patient's own log.
SHEET = (
    *("time", "user", "client", "purpose", "model", "revision", "outcome"),
    *("data_category", "data_origin", "request_id"),
)
VERIFY = "; run `mmhie audit verify`."
NO_PATIENT = (
    "No line of the trail fits. The patient was looked for as {form}, and letter for letter as "
    "given; try other numbers of the patient, with their system (`value^^^authority`)."
)
NOT_RECORDED = "This search is not recorded: MMHIE_AUDIT_FILE is no trail of a gateway.\n"


def checked_time(text: str | None) -> str | None:
    """Return a time as the trail writes it; without a zone it is in this machine's. Raises
    CommandError."""
    if text is None:
        return None
    if (ago_s := parse_duration(text)) is not None:
        return rfc3339(time.time() - ago_s)
    try:
        return rfc3339(datetime.fromisoformat(text).timestamp())
    except (ValueError, OverflowError):
        raise CommandError(
            f"{text!a} is no time; write it as 2026-11-28 or 2026-11-28T10:30, in the zone TZ, "
            "with Z in UTC, or as 2h: two hours ago."
        ) from None


def decode_name(name: str | None) -> str | None:
    """Return a name that may be an argument in another encoding."""
    return name and decode_argument(name)


File = Annotated[
    Path | None,
    typer.Option(help="One audit file; default: all in the folder of MMHIE_AUDIT_FILE."),
]
RequestId = Annotated[str, typer.Argument(help="As in X-Request-Id.", show_default=False)]
Patient = Annotated[
    str,
    typer.Argument(callback=decode_name, help="A number of the patient.", show_default=False),
]
AsCsv = Annotated[bool, typer.Option("--csv", help="Write a table for a spreadsheet.")]
Since = Annotated[
    str | None,
    typer.Option(
        callback=checked_time,
        help="First time: 2026-11-28, 2026-11-28T10:30 (zone: TZ), or 2h: two hours ago.",
    ),
]
Until = Annotated[
    str | None, typer.Option(callback=checked_time, help="Time before which, in the same form.")
]


def show(request_id: RequestId, file: File = None, as_json: AsJson = False) -> None:
    """Print the lines of one request, and whether they are as they were written; exit code 1 if
    not, or if there is no such request."""
    with open_search(file) as search:
        lines = [line for line in search.find({"request": request_id}) if line.record]
    if not lines:
        raise NegativeResult(
            "No line of the trail belongs to this request: check the id, and whether its gateway "
            "wrote to another folder, or the file was archived (--file)."
        )
    documents = [asdict(line) for line in lines]
    tables = [
        describe(line.record | {"file": line.file, "is_genuine": line.is_genuine}) for line in lines
    ]
    put("\n\n".join(tables), {"lines": documents}, as_json=as_json)
    if not all(line.is_genuine for line in lines):
        raise NegativeResult(f"The trail is damaged here{VERIFY}")


def show_patient(  # noqa: PLR0913, PLR0917 - one parameter for each option
    patient: Patient,
    since: Since = None,
    until: Until = None,
    by: By = "",
    file: File = None,
    as_csv: AsCsv = False,
    as_json: AsJson = False,
) -> None:
    """Print who asked about a patient, when, why, and which model answered; exit code 1 if nobody
    did. The search is recorded."""
    names = record_query(patient, by)
    with open_search(file) as search:
        records = find(search, patient=names, since=since, until=until)
        rows = [dict(flatten("", {name: line.get(name) for name in SHEET})) for line in records]
    form = identify(patient).form
    if not rows:
        raise NegativeResult(NO_PATIENT.format(form=form))
    if as_csv:
        write_table(tuple(rows[0]), [tuple(row.values()) for row in rows])
    else:
        title = f"{len(rows)} requests about the patient with {form}:"
        put(f"{title}\n{lay_out(rows)}", {"requests": rows}, as_json=as_json)


def find(search: Search, **given: object) -> Iterator[Json]:
    """Yield the records of lines that fulfil the options and are as they were written. Raises
    NegativeResult after them if others fit, too."""
    wanted = {name: value for name, value in given.items() if value is not None}
    damaged = Counter[str]()
    for line in search.find(wanted):
        if line.is_genuine:
            yield line.record
        else:
            damaged[line.file] += 1
    if damaged:
        counts = ", ".join(f"{count} of {file}" for file, count in damaged.items())
        raise NegativeResult(
            f"Lines that are not as they were written are left out: {counts}{VERIFY}"
        )


def record_query(patient: str, by: str) -> tuple[str, ...]:
    """Record in the trail that somebody looks for a patient, and return the patient's pseudonyms; a
    copy of a trail stays as it is."""
    settings = load()
    names = Pseudonyms.from_settings(settings)
    if settings.audit_file is None or not lock_of(settings.audit_file).exists():
        sys.stderr.write(NOT_RECORDED)
    else:
        audit(settings, "query", by=by, **names.facts_of(patient))
    return names.patients(patient)


@contextlib.contextmanager
def open_search(file: Path | None) -> Iterator[Search]:
    """Search the trails of this key, and one that was named; say which are left out."""
    paths, key = trails(file)
    mac = chain.new_mac(key)
    ours = [path for path in paths if path == paths[0] or has_key(path, mac)]
    for path in set(paths) - set(ours):
        sys.stderr.write(f"{path} was written with another MMHIE_AUDIT_KEY and is left out.\n")
    with readable(paths[0]), search_trails(ours, mac) as search:
        yield search


def trails(file: Path | None) -> tuple[list[Path], str]:
    """Return the trails in the folder of MMHIE_AUDIT_FILE, or one, and the key; raises
    CommandError."""
    settings = load()
    path = file or settings.audit_file
    if path is None or settings.audit_key is None:
        raise CommandError("MMHIE_AUDIT_FILE (or --file) and MMHIE_AUDIT_KEY must be set.")
    return [path] if file else trails_in(path), settings.audit_key.get_secret_value()
