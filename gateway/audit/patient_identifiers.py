"""One form for each identifier of a patient, however a program writes it.

Two people must never become one: a rule joins two spellings only if both name the same person for
certain. Two spellings of one person that stay apart are found again by searching for both.

| joined | why it is safe |
|---|---|
| `943 476 5919`, `9434765919`, `9434765919^^^NHS` | the check digit of an NHS number is right |
| `MRN-1`, `mrn-1` | letters of one case: people type them either way |
| `Patient/MRN-1`, `MRN-1` | a server's own ids have digits only, or mixed case |
| `x^^^A&1.2.3&ISO`, `urn:oid:1.2.3` with `x` | the authority's OID is the same |

| kept apart | why |
|---|---|
| `007`, `7`; `MRN-1`, `MRN1` | zeros and hyphens may distinguish |
| `abC`, `abc` | mixed case: random ids, in which case distinguishes |
| `Patient/123`, `123` | a server's own number is not the hospital's |
| `MRN-1`, `MRN-1^^^WARD`, `https://a/Patient/MRN-1` | two authorities may both have it |
"""

import re
from typing import Final, NamedTuple

NHS: Final = "nhs"
SYSTEMS: Final = {  # an authority's names: in HL7 version 2, as an OID, in FHIR
    "nhs": NHS,
    "nhsnumber": NHS,
    "2.16.840.1.113883.2.1.4.1": NHS,
    "https://fhir.nhs.uk/id/nhs-number": NHS,
}
NHS_NUMBER: Final = re.compile(r"([0-9]{3})[ -]?([0-9]{3})[ -]?([0-9]{4})")
WEIGHTS: Final = range(10, 1, -1)
REFERENCE: Final = re.compile(r"(?:(.+)/)?Patient/([^/|^]+)(?:/_history/.*)?")
OID: Final = "urn:oid:"


class PatientIdentifier(NamedTuple):
    """A value, and the system that gave it; an empty system is one that nobody named."""

    system: str
    value: str

    @property
    def text(self) -> str:
        return f"{self.system}|{self.value}" if self.system else self.value

    @property
    def form(self) -> str:
        """Describe how the identifier was read, without it."""
        if self.system == NHS:
            return "an NHS number"
        return f"an identifier of {self.system}" if self.system else "a number without a system"


def identify(text: str) -> PatientIdentifier:
    plain = " ".join(text.split())
    system, value = split(plain)
    if not value:  # separators alone
        return PatientIdentifier("", plain)
    digits = NHS_NUMBER.fullmatch(value)
    if digits and system in ("", "Patient", NHS) and is_checked(number := "".join(digits.groups())):
        return PatientIdentifier(NHS, number)
    if system == "Patient" and not value.isdecimal():
        system = ""
    return PatientIdentifier(system, fold(value))


def split(text: str) -> tuple[str, str]:
    """Return system and value of `value^^^authority`, `system|value`, a reference or a value."""
    if "^" in text:
        value, *parts = text.split("^")
        authority = parts[2].split("&") if len(parts) > 2 else [""]
        return name_system(next(filter(None, authority[1::-1]), "")), value.strip()
    if "|" in text:
        system, _, value = text.rpartition("|")
        return name_system(system), value.strip()
    if reference := REFERENCE.fullmatch(text):
        return reference[1] or "Patient", reference[2]
    return "", text


def name_system(name: str) -> str:
    """Return the name of a system by which all its names are known; an unknown one is its own."""
    plain = name.removeprefix(OID)
    return SYSTEMS.get(plain.casefold(), plain)


def fold(value: str) -> str:
    """Return a value whose letters are all small in capitals."""
    return value.upper() if value.isascii() and value == value.lower() else value


def is_checked(number: str) -> bool:
    """Return whether the last of ten digits is the check digit of the others, modulo 11."""
    rest = sum(weight * int(digit) for weight, digit in zip(WEIGHTS, number, strict=False)) % 11
    return (11 - rest) % 11 == int(number[9])
