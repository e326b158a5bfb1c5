"""Purposes of use: HL7's codes, and those of other code systems that `purposes.toml` maps to them.

They are sent as a code, as `system|code` (FHIR), as `code^^^system` (IHE) or as a coding.
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path

from gateway.principal import PURPOSES

HL7 = (
    "",  # a code without a system
    "http://terminology.hl7.org/CodeSystem/v3-ActReason",
    "http://hl7.org/fhir/v3/ActReason",  # before FHIR R4
    "2.16.840.1.113883.5.8",
)
_OTHERS = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))["system"]
SYSTEMS: Mapping[str, Mapping[str, str]] = {
    **{name: {code: code for code in PURPOSES} for name in HL7},
    **{name: system["codes"] for system in _OTHERS for name in system["names"]},
}


def read_purpose(sent: object) -> str | None:
    """Return HL7's code, or an unmapped purpose as it was sent, its system before a bar; None if
    neither the code nor a coding is text."""
    text = join_coding(sent) if isinstance(sent, dict) else sent
    if not isinstance(text, str):
        return None
    system, code = split_purpose(text)
    return SYSTEMS.get(system, {}).get(code, text)


def join_coding(coding: dict[object, object]) -> str | None:
    system, code = coding.get("system") or "", coding.get("code")
    if not isinstance(system, str) or not isinstance(code, str):
        return None
    return f"{system}|{code}" if system else code


def split_purpose(text: str) -> tuple[str, str]:
    """Return the system, empty if there is none, and the code."""
    code, caret, system = text.partition("^^^")
    if not caret:
        system, _, code = text.rpartition("|")
    return system.removeprefix("&").removesuffix("&ISO").removeprefix("urn:oid:"), code
