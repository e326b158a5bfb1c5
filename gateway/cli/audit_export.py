"""`mmhie audit export`: records of the audit trail, as they are, as FHIR, or counted."""

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated

import orjson
import typer

from gateway.audit import chain
from gateway.audit.fhir.export import Export, sign_offs_in
from gateway.audit.patient_identifiers import identify
from gateway.audit.pseudonyms import Pseudonyms
from gateway.audit.rotation import has_key
from gateway.audit.search import Search
from gateway.cli.answer_copy import AnswerCopy
from gateway.cli.audit import (
    NO_PATIENT,
    File,
    NothingFound,
    Since,
    Until,
    genuine_records,
    record_query,
    trails,
)
from gateway.cli.audit_tables import Group, write_counts
from gateway.cli.command import CommandError, NegativeResult, readable
from gateway.runtime.json_types import Json
from gateway.settings.gateway import load

CONDITIONS = {
    "since": "time >= $since",
    "until": "time < $until",
    "client": "client = $client",
    "person": """(list_has_any(["user", reviewer, "by"], $person) OR client = $person[2])""",
    "patient": "list_contains($patient, patient) AND kind <> 'query'",
    "request": "$request IN (request_id, caller_request_id)",
    "notice": "list_contains(notices, $notice)",
    "outcome": "$outcome IN (outcome, CAST(status AS VARCHAR))",
    "route": "route = $route",
    "copy": "list_has_any(output_digests, $copy)",
}
EVERY_LINE = "true"
FEEDBACK = "kind IN ('feedback', 'feedback_closed')"


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
NO_COPY = (
    "{copy} is no answer in {path}, letter for letter: it was changed, is a part of one, or was "
    "given under another MMHIE_DIGEST_KEY."
)


class StillSetAside(NegativeResult):
    """The repository did not take every event that had been set aside."""


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
    paths, key = trails(file)
    if resend:
        resend_all(paths, key)
        return
    names = Pseudonyms.from_settings(load())
    if patient is not None:
        record_query(names.patient(patient))
    answer = AnswerCopy.read(copy) if copy else None
    given: dict[str, object] = {
        "since": since,
        "until": until,
        "client": client,
        "request": request,
        "notice": notice,
        "outcome": outcome,
        "route": route,
        "copy": answer and answer.digests,
        "person": person and [person, *names.users(person)],
        "patient": patient and names.patients(patient),
    }
    wanted = {name: value for name, value in given.items() if value is not None}
    condition = " AND ".join(CONDITIONS[name] for name in wanted) or EVERY_LINE
    with readable(paths[0]), Search(leave_out_foreign(paths, key)) as search:
        if count_by is not None:
            write_counts(search, count_by, condition, wanted)
            return
        records = genuine_records(search.find(condition, wanted, chain.new_mac(key)))
        records = map(answer.note, records) if answer else records
        resources = to_fhir(search, records, key) if as_fhir else records
        if not write_lines(resources) and wanted:
            raise NothingFound(describe_nothing(paths[0], copy, patient))
    if answer is not None and not answer.is_whole:
        sys.stderr.write("The copy has other paragraphs before or after the answer.\n")


def leave_out_foreign(paths: list[Path], key: str) -> list[Path]:
    """Return the trails of this key, and those that were named; say which are left out."""
    ours = [path for path in paths if path == paths[0] or has_key(path, chain.new_mac(key))]
    for path in set(paths) - set(ours):
        sys.stderr.write(f"{path} was written with another MMHIE_AUDIT_KEY and is left out.\n")
    return ours


def describe_nothing(path: Path, copy: Path | None, patient: str | None) -> str:
    """Say that nothing fits, and what was looked for."""
    if copy is not None:
        return NO_COPY.format(path=path, copy=copy)
    if patient is not None:
        return NO_PATIENT.format(path=path, form=identify(patient).form)
    return NONE.format(path=path)


def to_fhir(search: Search, records: Iterable[Json], key: str) -> Iterator[Json]:
    """Yield the FHIR resources of records; an answer is signed off after its line was written."""
    feedback = search.find(FEEDBACK, {}, chain.new_mac(key))
    export_record = Export(
        sign_offs_in(line.record for line in feedback if line.is_genuine)
    ).resources
    for record in records:
        yield from export_record(record)


def write_lines(records: Iterable[Json]) -> int:
    """Write each as a line of JSON; return how many."""
    written = 0
    for record in records:
        sys.stdout.write(orjson.dumps(record).decode() + "\n")
        written += 1
    return written


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
