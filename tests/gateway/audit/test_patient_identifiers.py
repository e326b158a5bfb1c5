"""Identifiers of patients: spellings of one are one, and two patients never become one."""

import itertools

import pytest

from gateway.audit.patient_identifiers import identify

NHS_URL = "https://fhir.nhs.uk/Id/nhs-number"
SAME = [
    (
        *("9434765919", "943 476 5919", "943-476-5919", " 9434765919 ", "Patient/9434765919"),
        *("9434765919^^^NHS&2.16.840.1.113883.2.1.4.1&ISO^NH", "9434765919^^^NHS^NH"),
        *(f"{NHS_URL}|9434765919", "urn:oid:2.16.840.1.113883.2.1.4.1|943 476 5919"),
    ),
    ("MRN-1", "mrn-1", "Patient/MRN-1", "Patient/mrn-1", "Patient/MRN-1/_history/2", "MRN-1^^^"),
    ("x1^^^A&1.2.3&ISO", "urn:oid:1.2.3|X1", "1.2.3|x1", "X1^4^M10^&1.2.3&ISO^MR"),
    ("https://a/fhir/Patient/MRN-1", "https://a/fhir/Patient/mrn-1"),
    ("Ward 3  bed 4", "Ward 3 bed 4"),
]
APART = [
    ("9434765919", "9434765918", "9434765919^^^HOSPITAL", "09434765919", "943476591 9"),
    ("9434765918", "943 476 5918"),
    ("7", "007", "07", "Patient/7", "7^^^A", "7^^^a", "7^^^&1.2.3&ISO"),
    ("MRN-1", "MRN1", "MRN 1", "MRN-01", "Mrn-1", "MRN-1^^^WARD", "WARD|MRN1", "MRN-l"),
    ("eq081-VQEgP8", "eq081-vqegp8", "EQ081-VQEGP8x"),
    ("https://a/fhir/Patient/MRN-1", "https://b/fhir/Patient/MRN-1", "MRN-1"),
    ("straße", "STRASSE", "STRAßE"),
    ("A|B", "AB", "B", "B|A"),
    ("", "^", "|"),
]


@pytest.mark.parametrize("spellings", SAME, ids=lambda spellings: spellings[0])
def test_spellings_of_one_identifier_are_one(spellings: tuple[str, ...]) -> None:
    """In any case and with separators that carry no meaning; written again, it stays the same."""
    (text,) = {identify(spelling).text for spelling in spellings}

    assert identify(text).text == text


@pytest.mark.parametrize("spellings", APART, ids=lambda spellings: spellings[0] or "empty")
def test_two_patients_never_become_one(spellings: tuple[str, ...]) -> None:
    """Zeros, hyphens, mixed case, authorities and servers distinguish."""
    texts = {spelling: identify(spelling).text for spelling in spellings}

    for one, other in itertools.combinations(spellings, 2):
        assert texts[one] != texts[other], (one, other)
