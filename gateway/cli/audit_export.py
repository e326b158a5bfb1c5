"""`mmhie audit export`: records of the audit trail, as they are, as FHIR, or counted."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Annotated, Literal

import typer

from gateway.audit.fhir.export import resources_of, sign_offs_in
from gateway.audit.patient_identifiers import identify
from gateway.audit.pseudonyms import Pseudonyms
from gateway.audit.search import Search
from gateway.cli.audit import (
    NO_PATIENT,
    File,
    Since,
    Until,
    decode_name,
    find,
    open_search,
    record_query,
)
from gateway.cli.command import (
    NOTHING,
    AsLines,
    NegativeResult,
    operator_name,
    put_lines,
    write_table,
)
from gateway.runtime.json_types import Json
from gateway.settings.gateway import load

Group = Literal["key", "person", "day", "model"]
GROUPS: dict[Group, str] = {"key": "client", "person": "user", "model": "model"}
COUNTS = ("requests", "refused", "failed", "truncated", "prompt_tokens", "completion_tokens")
COUNTED = ("request", "unfinished")
WENT_WELL = ("ok", "client_gone")
FEEDBACK = ("feedback", "feedback_closed")

Client = Annotated[str | None, typer.Option(help="Name of a key, or subject of a token.")]
Person = Annotated[
    str | None,
    typer.Option(callback=decode_name, help="Who asked, signed off, closed, or held the model."),
]
Patient = Annotated[
    str | None,
    typer.Option(callback=decode_name, help="Identifier of the patient who was asked about."),
]
Request = Annotated[str | None, typer.Option(help="Request id, the gateway's or the caller's.")]
Outcome = Annotated[
    str | None, typer.Option(help="How it ended: ok, an error code, or a status as 429.")
]
Route = Annotated[str | None, typer.Option(help="Path, as /llm/generate.")]
Notice = Annotated[str | None, typer.Option(help="Id of a notice that was shown.")]
CountBy = Annotated[
    Group | None, typer.Option(help="Write a table (CSV) of requests and tokens instead.")
]
Fhir = Annotated[
    bool,
    typer.Option(
        "--fhir", help="Write FHIR R4 resources, one per line: AuditEvent, Provenance, Device."
    ),
]
NONE = "No line of the trail fits; leave out an option, or name another --file."


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
    file: File = None,
    as_fhir: Fhir = False,
    count_by: CountBy = None,
    as_json: AsLines = True,
) -> None:
    """Write the records that fit all options to standard output, without verifying the chain; exit
    code 1 if options are given and none fits."""
    del as_json  # it is JSON anyway
    given: dict[str, object] = {
        "since": since,
        "until": until,
        "client": client,
        "request": request,
        "notice": notice,
        "outcome": outcome,
        "route": route,
        "person": None if person is None else names_of(person),
        "patient": None if patient is None else record_query(patient, operator_name()),
    }
    with open_search(file) as search:
        if count_by is not None:
            write_counts(search, count_by, given)
            return
        records = find(search, **given)
        written = put_lines(to_fhir(search, records) if as_fhir else records)
        if not written and any(value is not None for value in given.values()):
            raise NegativeResult(
                NONE if patient is None else NO_PATIENT.format(form=identify(patient).form)
            )


def to_fhir(search: Search, records: Iterable[Json]) -> Iterator[Json]:
    """Yield the FHIR resources of records; an answer is signed off after its line was written."""
    feedback = [line.record for line in search.find({"kinds": FEEDBACK}) if line.is_genuine]
    return resources_of(records, sign_offs_in(feedback))


def names_of(person: str) -> list[str]:
    """Return the names under which a person may be recorded; of a patient these are pseudonyms."""
    return [person, *Pseudonyms.from_settings(load()).users(person)]


def write_counts(search: Search, by: Group, given: dict[str, object]) -> None:
    """Write a table of counts: days in their order, else the most used first. Raises NegativeResult
    if a line that fits is not as it was written."""
    counts = defaultdict[str, Counter[str]](Counter)
    for record in find(search, kinds=COUNTED, **given):
        counts[group_of(record, by)].update(figures_of(record))
    names = sorted(counts, key=lambda name: (by != "day" and -counts[name]["requests"], name))
    write_table((by, *COUNTS), [(name, *map(counts[name].__getitem__, COUNTS)) for name in names])


def group_of(record: Json, by: Group) -> str:
    """Return the row of a record; a day is one in the zone TZ."""
    if by == "day":
        return f"{datetime.fromisoformat(record['time']).astimezone():%Y-%m-%d}"
    return record.get(GROUPS[by]) or NOTHING


def figures_of(record: Json) -> dict[str, int]:
    """Return the figures of a line, which may stand for several requests."""
    requests = 1 + record.get("more_like_this", 0)
    is_refused = record.get("status", 0) // 100 == 4
    is_failed = not is_refused and record.get("outcome", "ok") not in WENT_WELL
    return {
        "requests": requests,
        "refused": requests * is_refused,
        "failed": requests * is_failed,
        "truncated": int("truncated" in record),
        "prompt_tokens": record.get("prompt_tokens", 0),
        "completion_tokens": record.get("completion_tokens", 0),
    }
