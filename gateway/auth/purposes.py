"""Purposes of use: HL7's codes, and those of other code systems that are mapped to them.

`purposes.toml` maps what exchanges send, MMHIE_PURPOSES_FILE what a site sends: a code,
`system|code` (FHIR), `code^^^system` (IHE) or a coding.
"""

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from gateway.principal import PURPOSES
from gateway.runtime.files import FileUnusable

HL7 = (
    "",  # a code without a system
    "http://terminology.hl7.org/CodeSystem/v3-ActReason",
    "http://hl7.org/fhir/v3/ActReason",  # before FHIR R4
    "2.16.840.1.113883.5.8",
)
SHIPPED = Path(__file__).with_suffix(".toml")
Row = tuple[str, str, str]  # system, code, and HL7's code


@dataclass(frozen=True, slots=True)
class PurposeTable:
    """HL7's codes by the system and code that stand for them."""

    codes: Mapping[tuple[str, str], str]

    @classmethod
    def load(cls, own: Path | None = None) -> Self:
        """Return the table, with the rows of a site's own file; raise FileUnusable."""
        rows = [*read_rows(SHIPPED), *(read_own_rows(own) if own else ())]
        hl7 = [(system, code, code) for system in HL7 for code in PURPOSES]
        return cls({(system, code): meant for system, code, meant in [*rows, *hl7]})

    def read(self, sent: object) -> str | None:
        """Return HL7's code, or an unmapped purpose as it was sent, its system before a bar; None
        if neither the code nor a coding is text."""
        text = join_coding(sent) if isinstance(sent, dict) else sent
        return self.codes.get(split_purpose(text), text) if isinstance(text, str) else None


def read_own_rows(file: Path) -> list[Row]:
    """Return the rows of MMHIE_PURPOSES_FILE; raise FileUnusable."""
    try:
        return list(read_rows(file))
    except (OSError, ValueError) as error:
        problem = getattr(error, "strerror", None) or str(error)
    except (AttributeError, KeyError, TypeError):
        problem = "it has something else than [[system]] with `names` and `codes`"
    raise FileUnusable(problem)


def read_rows(file: Path) -> Iterator[Row]:
    """Yield the rows of a TOML file; raise OSError, ValueError, AttributeError, KeyError or
    TypeError for what is none."""
    for system in tomllib.loads(file.read_text("utf-8"))["system"]:
        if not isinstance(system["names"], list):
            raise TypeError
        yield from name_codes(system["names"], system["codes"])


def name_codes(names: Iterable[str], codes: Mapping[str, Any]) -> Iterator[Row]:
    for code, meant in codes.items():
        if meant not in PURPOSES:
            raise ValueError(f"{code} is mapped to {meant}, which is no code of HL7's PurposeOfUse")
        for name in names:
            yield (*split_purpose(f"{name}|{code}"), meant)


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
