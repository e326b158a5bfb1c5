"""`mmhie audit patient`: a patient's own log."""

import csv
import io
import json
from pathlib import Path

import pytest

from gateway.audit.pseudonyms import Pseudonyms
from tests.gateway.audit.conftest import KEY, REQUEST_LINE, Append, Desk, lines

NAMES = Pseudonyms.of(KEY)
ASKED = {
    **REQUEST_LINE,
    "user": "=dr.weber",
    "patient": NAMES.patient("MRN-0042"),
    "purpose": ["TREAT"],
    "data_category": "free_text",
    "data_origin": "request",
}


@pytest.fixture(autouse=True)
def trail(append: Append, path: Path) -> Path:
    """Two requests about a patient, one about another, and one about nobody."""
    other = {**ASKED, "patient": NAMES.patient("MRN-7"), "user": "dr.other"}
    later = {**ASKED, "time": "2026-11-27T01:00:00.000Z", "request_id": "r-2"}
    append([ASKED, other, later, REQUEST_LINE])
    return path


def test_a_sheet_for_a_person(desk: Desk) -> None:
    """It has who, when, why, by which model, which data; nothing of anybody else."""
    out, _ = desk.run("audit", "patient", "Patient/mrn-0042")

    assert out.startswith("2 requests about the patient with a number without a system")
    for words in (
        *("2026-11-25T01:46:06.262Z", "=dr.weber", "ward-7"),
        *("TREAT", "fake-model", "ok", "free_text", "request", "r-1", "r-2"),
    ):
        assert words in out
    assert "dr.other" not in out
    assert "MRN-0042" not in out


def test_a_table_for_a_spreadsheet(desk: Desk) -> None:
    """With a column for each; no name is a formula."""
    out, _ = desk.run("audit", "patient", "MRN-0042", "--csv", "--since", "2026-11-26")
    (row,) = csv.DictReader(io.StringIO(out))

    assert (row["user"], row["request_id"]) == ("'=dr.weber", "r-2")
    assert (row["data_category"], row["data_origin"]) == ("free_text", "request")


def test_the_search_is_in_the_trail(desk: Desk, path: Path) -> None:
    """With who searched, for whom; it is an event of a query, and no request about the patient."""
    desk.run("audit", "patient", "MRN-0042", "--by", "officer")
    desk.run("audit", "export", "--patient", "MRN-0042")
    first, second = (line for line in lines(path) if line["kind"] == "query")

    assert (first["by"], first["patient"]) == ("officer", NAMES.patient("MRN-0042"))
    assert second["patient"] == first["patient"]
    document = json.loads(desk.run("audit", "patient", "MRN-0042", "--json")[0])
    assert len(document["requests"]) == 2
    desk.run("audit", "verify")
    event = json.loads(
        desk.run("audit", "export", "--fhir", "--person", "officer")[0].splitlines()[0]
    )
    assert event["type"]["display"] == "Query"
    assert NAMES.patient("MRN-0042") in json.dumps(event["entity"])


def test_nobody_has_asked(desk: Desk) -> None:
    """The form is named in which the number was looked for, and not the number."""
    _, err = desk.run("audit", "patient", "943 476 5919", exit_code=1)

    assert "looked for as an NHS number" in err
    assert "943" not in err


def test_a_copy_of_a_trail_is_not_written(desk: Desk, path: Path) -> None:
    """It would no longer be what it is a copy of; a sentence says so."""
    path.with_name("audit.jsonl.lock").unlink()
    before = path.read_bytes()
    _, err = desk.run("audit", "patient", "MRN-0042")

    assert "not recorded" in err
    assert path.read_bytes() == before
    assert not path.with_name("audit.jsonl.lock").exists()


def test_a_trail_with_a_key_of_pseudonyms(
    desk: Desk, append: Append, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without it nothing is found; with it also what was written before it was set."""
    own = "p" * 32
    append([{**ASKED, "patient": Pseudonyms.of(KEY, own).patient("MRN-9")}])
    desk.run("audit", "patient", "MRN-9", exit_code=1)
    monkeypatch.setenv("MMHIE_PSEUDONYM_KEY", own)
    for number, found in (("MRN-9", "1 requests"), ("MRN-0042", "2 requests")):
        out, _ = desk.run("audit", "patient", number)
        assert out.startswith(found)
    for word in ("MRN-9", "MRN-0042"):
        assert desk.run("audit", "export", "--patient", word)[0]
