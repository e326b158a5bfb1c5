"""`mmhie audit export`: records of the audit trail, as they are, as FHIR, or counted."""

import contextlib
import re
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Annotated

import orjson
import typer

from gateway.audit import chain
from gateway.audit.fhir.export import Export, sign_offs_in
from gateway.audit.patient_identifiers import identify
from gateway.audit.pseudonyms import Pseudonyms
from gateway.audit.rotation import has_key
from gateway.cli.answer_copy import AnswerCopy
from gateway.cli.audit import File, TrailDamaged, genuine_records, trails
from gateway.cli.audit_counts import Group, write_counts
from gateway.cli.command import CommandError, NegativeResult, parse_duration, readable
from gateway.record import rfc3339
from gateway.runtime.json_types import Json
from gateway.settings.gateway import load

PERSONS = ("reviewer", "by", "closed_by", "user")
TIME = re.compile(r"\d{4}(-\d\d(-\d\d(T\d\d(:\d\d(:\d\d(\.\d{1,3})?)?)?)?)?)?Z?", re.ASCII)


def is_time(text: str) -> bool:
    """Return whether a text is a time in the calendar, or the beginning of one."""
    with contextlib.suppress(ValueError):
        whole = text.removesuffix("Z")
        datetime.fromisoformat(whole + "2000-01-01T00:00:00"[len(whole) :])
        return TIME.fullmatch(text) is not None
    return False


def checked_time(text: str | None) -> str | None:
    """Return a time, or its beginning, as the trail writes it. Raises CommandError."""
    if text is not None and (ago_s := parse_duration(text)) is not None:
        return rfc3339(time.time() - ago_s)
    if text is not None and not is_time(text):
        raise CommandError(
            f"{text!a} is no time in UTC; write it as 2026-11-28T10:30, or as 2h: two hours ago."
        )
    return text and text.removesuffix("Z")


Since = Annotated[
    str | None,
    typer.Option(
        callback=checked_time, help="First time: 2026-11-28T10:30 in UTC, or 2h for two hours ago."
    ),
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
Outcome = Annotated[
    str | None, typer.Option(help="How it ended: ok, an error code, or a status as 429.")
]
Route = Annotated[str | None, typer.Option(help="Path, as /llm/generate.")]
Notice = Annotated[str | None, typer.Option(help="Id of a notice that was shown.")]
Copy = Annotated[
    Path | None, typer.Option(help="File with a copy of an answer: the request that got it.")
]
CountBy = Annotated[
    Group | None, typer.Option(help="Write a table (CSV) of requests and tokens instead.")
]
Lines = Annotated[bool, typer.Option("--json", help="No effect: records are JSON lines.")]
Fhir = Annotated[
    bool,
    typer.Option(
        "--fhir", help="Write FHIR R4 resources, one per line: AuditEvent, Provenance, Device."
    ),
]


Resend = Annotated[
    bool,
    typer.Option("--resend", help="Send what the audit feed has set aside once more, instead."),
]


NONE = "No line of {path} fits; leave out an option, or name another --file."
NO_PATIENT = (
    "No line of {path} fits. The patient was looked for as {form}, and letter for letter as given; "
    "try other numbers of the patient, with their system (`value^^^authority`)."
)
NO_COPY = (
    "{copy} is no answer in {path}, letter for letter: it was changed, is a part of one, or was "
    "given under another MMHIE_DIGEST_KEY."
)


class NothingFound(NegativeResult):
    """No record fits the options."""


class StillSetAside(NegativeResult):
    """The repository did not take every event that had been set aside."""


@dataclass(frozen=True, slots=True)
class RecordFilter:
    """Conditions that a record has to meet; None is met by every record."""

    since: str | None = None
    until: str | None = None
    client: str | None = None
    person: str | None = None
    patient: str | None = None
    request: str | None = None
    notice: str | None = None
    outcome: str | None = None
    route: str | None = None
    copy: AnswerCopy | None = None

    @property
    def is_empty(self) -> bool:
        return all(getattr(self, field.name) is None for field in fields(self))

    def fits(self, record: Json, names: Pseudonyms) -> bool:
        """Return whether a record meets all conditions."""
        at = str(record.get("time", ""))
        return (
            (self.since is None or at >= self.since)
            and (self.until is None or at < self.until)
            and has(record, self.client, "client")
            and (
                has(record, self.person, *PERSONS)
                or has(record, names.user(str(self.person)), "user", "client")
            )
            and (self.patient is None or record.get("patient") in names.patients(self.patient))
            and has(record, self.request, "request_id", "caller_request_id")
            and (self.outcome in (None, record.get("outcome"), str(record.get("status", ""))))
            and has(record, self.route, "route")
            and (self.notice is None or self.notice in record.get("notices", ()))
            and (self.copy is None or self.copy.is_of(record))
        )


def has(record: Json, value: str | None, *names: str) -> bool:
    """Return whether one of these fields has the value, if there is one."""
    return value is None or value in (record.get(name) for name in names)


def export(  # noqa: PLR0913, PLR0917 - one parameter for each option
    since: Since = None,
    until: Until = None,
    client: Client = None,
    person: Person = None,
    patient: Patient = None,
    request: Request = None,
    notice: Notice = None,
    outcome: Outcome = None,
    route: Route = None,
    copy: Copy = None,
    file: File = None,
    as_fhir: Fhir = False,
    count_by: CountBy = None,
    resend: Resend = False,
    as_json: Lines = True,
) -> None:
    """Write the records that fit all options to standard output, without verifying the chain; exit
    code 1 if options are given and none fits."""
    del as_json  # it is JSON anyway
    answer = AnswerCopy.read(copy) if copy else None
    wanted = RecordFilter(
        *(since, until, client, person, patient, request, notice, outcome, route), copy=answer
    )
    paths, key = trails(file)
    if resend:
        resend_all(paths, key)
        return
    ours = [path for path in paths if path == paths[0] or has_key(path, chain.new_mac(key))]
    for path in set(paths) - set(ours):
        sys.stderr.write(f"{path} was written with another MMHIE_AUDIT_KEY and is left out.\n")
    names = Pseudonyms.of(key)
    with readable(paths[0]):
        records = (each for each in genuine_records(ours, key) if wanted.fits(each, names))
        if count_by is not None:
            write_counts(records, count_by)
        elif not write_records(records, ours, key, as_fhir=as_fhir) and not wanted.is_empty:
            raise NothingFound(describe_nothing(wanted, paths[0], copy))
    if answer is not None and not answer.is_whole:
        sys.stderr.write("The copy has other paragraphs before or after the answer.\n")


def describe_nothing(wanted: RecordFilter, path: Path, copy: Path | None) -> str:
    """Say that nothing fits, and what was looked for."""
    if copy is not None:
        return NO_COPY.format(path=path, copy=copy)
    if wanted.patient is not None:
        return NO_PATIENT.format(path=path, form=identify(wanted.patient).form)
    return NONE.format(path=path)


def write_records(records: Iterable[Json], paths: list[Path], key: str, *, as_fhir: bool) -> int:
    """Write a line for each record, or for each FHIR resource; return how many."""
    if as_fhir:  # an answer is signed off after its line was written
        export_record = Export(sign_offs_in(records_before_damage(paths, key))).resources
        records = (resource for record in records for resource in export_record(record))
    written = 0
    for record in records:
        sys.stdout.write(orjson.dumps(record).decode() + "\n")
        written += 1
    return written


def records_before_damage(paths: list[Path], key: str) -> Iterator[Json]:
    """Yield the records before the first line that was changed."""
    with contextlib.suppress(TrailDamaged):
        yield from genuine_records(paths, key)


def resend_all(paths: list[Path], key: str) -> None:
    """Send what was set aside of all trails to the repository; raises CommandError."""
    from gateway.audit.feed import resend  # an HTTP client: only where one is used
    from gateway.audit.fhir.repository import Repository, RepositoryUnavailable

    settings = load()
    if settings.audit_fhir_url is None:
        raise CommandError("MMHIE_AUDIT_FHIR_URL must be set: events are sent there.")
    repository, problems = Repository.of(settings), Counter[bool]()
    try:
        for path in paths:
            for line, problem in resend(path, key, repository):
                problems[bool(problem)] += 1
                if problem:
                    sys.stderr.write(f"Line {line.head.seq} of {path}: {problem}.\n")
    except (OSError, RepositoryUnavailable) as problem:
        raise CommandError(f"MMHIE_AUDIT_FHIR_URL: {problem}.") from None
    finally:
        repository.close()
        sys.stdout.write(f"{problems[False]} events were sent.\n")
    if problems[True]:
        raise StillSetAside(f"{problems[True]} events are still set aside.")
