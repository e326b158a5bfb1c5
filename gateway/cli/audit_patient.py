"""`mmhie audit patient`: who asked about a patient, for the patient's own eyes."""

import sys
from datetime import datetime
from typing import Annotated

import typer

from gateway.audit import chain
from gateway.audit.patient_identifiers import identify
from gateway.audit.pseudonyms import Pseudonyms
from gateway.audit.search import Search
from gateway.cli.audit import (
    NO_PATIENT,
    By,
    File,
    NothingFound,
    Since,
    Until,
    genuine_records,
    record_query,
    trails,
)
from gateway.cli.audit_tables import NOBODY, write_table
from gateway.cli.command import AsJson, print_rows, put, readable
from gateway.runtime.json_types import Json
from gateway.settings.gateway import load

Patient = Annotated[str, typer.Argument(help="A number of the patient.", show_default=False)]
AsCsv = Annotated[bool, typer.Option("--csv", help="Write a table for a spreadsheet.")]
OF_PATIENT = (
    "list_contains($patients, patient) AND kind IN ('request', 'unfinished') "
    "AND time >= $since AND time < $until"
)
ALWAYS = "9999"


def show(  # noqa: PLR0913, PLR0917 - one parameter for each option
    patient: Patient,
    since: Since = None,
    until: Until = None,
    by: By = None,
    file: File = None,
    as_csv: AsCsv = False,
    as_json: AsJson = False,
) -> None:
    """Print who asked about a patient, when, why, and which model answered; exit code 1 if nobody
    did. The search is recorded."""
    paths, key = trails(file)
    patients = Pseudonyms.from_settings(load()).patients(patient)
    record_query(patients[0], by)
    given = {"patients": patients, "since": since or "", "until": until or ALWAYS}
    with readable(paths[0]), Search(paths) as search:
        lines = search.find(OF_PATIENT, given, chain.new_mac(key))
        rows = [describe(record) for record in genuine_records(lines)]
    form = identify(patient).form
    if not rows:
        raise NothingFound(NO_PATIENT.format(path=paths[0], form=form))
    if as_csv:
        write_table(tuple(rows[0]), [tuple(row.values()) for row in rows])
    elif as_json:
        put("", {"requests": rows}, as_json=True)
    else:
        sys.stdout.write(f"{len(rows)} requests about the patient with {form}:\n")
        print_rows(rows)


def describe(record: Json) -> dict[str, str]:
    """Describe a request; what was not recorded is `-`."""
    at = datetime.fromisoformat(record["time"]).astimezone()
    known = {
        "time": record["time"],
        "local time": f"{at:%Y-%m-%d %H:%M:%S %Z}",
        "person": record.get("user"),
        "program": record.get("client"),
        "purpose": ", ".join(record.get("purpose", ())),
        "model": record.get("model"),
        "revision": record.get("revision"),
        "outcome": record.get("outcome"),
        "data": record.get("data_category"),
        "origin of data": record.get("data_origin"),
        "request id": record.get("request_id"),
    }
    return {name: str(value or NOBODY) for name, value in known.items()}
