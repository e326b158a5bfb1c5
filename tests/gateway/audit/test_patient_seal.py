"""Sealed identifiers of patients are opened with the pseudonyms' key, and under their own line."""

from gateway.audit.patient_seal import PatientSeal
from tests.gateway.audit.conftest import KEY

OURS, OTHER = PatientSeal(KEY), PatientSeal("q" * 32)
LINE = {"patient": "patient:83d1", "patient_sealed": OURS.seal("Zoë-1", "patient:83d1")}


def test_the_key_opens_and_no_other_does() -> None:
    """A seal looks different each time, so that equal ones cannot be counted."""
    assert OURS.open(LINE) == {**LINE, "patient_identifier": "Zoë-1"}
    assert OTHER.open(LINE) == LINE
    assert OURS.seal("Zoë-1", "patient:83d1") != LINE["patient_sealed"]


def test_a_seal_stays_with_its_pseudonym() -> None:
    """Moved to another patient's line, or damaged, it opens nothing."""
    for changed in ({"patient": "patient:0000"}, {"patient_sealed": "AAAA"}):
        moved = {**LINE, **changed}
        assert OURS.open(moved) == moved


def test_a_line_without_a_seal_stays() -> None:
    """Of a request about nobody, or from before identifiers were sent."""
    assert OURS.open({"patient": "patient:83d1"}) == {"patient": "patient:83d1"}
