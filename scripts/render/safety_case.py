"""docs/safety-case: the hazard log and the tables of its pages, from its two TOML files."""

from __future__ import annotations

import json
import tomllib
from collections import Counter
from dataclasses import dataclass
from typing import Annotated, Any, Final

from pydantic import Field, TypeAdapter

from scripts.render.page import DOCS, ROOT, prose, table

FOLDER: Final = DOCS / "safety-case"
REMOVALS: Final = DOCS / "records" / "control-removals.json"  # scripts/control_removals.py
KINDS: Final = ("design", "protective", "information")  # ISO 14971:2019, 7.1


@dataclass(frozen=True, slots=True)
class Removal:
    """A replacement in a file that removes a control; `find` occurs once."""

    file: str
    find: str
    replace: str


@dataclass(frozen=True, slots=True)
class Control:
    """A risk control and its tests; each removal of a part of it fails the test at its place."""

    kind: str
    control: str
    tests: list[str]
    removals: list[Removal]


@dataclass(frozen=True, slots=True)
class Hazard:
    """A hazard with its risk before and after the controls, from 1 to 5."""

    id: str
    title: str
    causes: list[str]
    situation: str
    harm: str
    severity: str
    likelihood: str
    left: str
    reason: str
    residual: str
    site: list[str]
    controls: Annotated[list[Control], Field(alias="control")]

    @property
    def before(self) -> int:
        return risk(self.severity, self.likelihood)

    @property
    def after(self) -> int:
        return risk(self.severity, self.left)


def version() -> str:
    """Return the version of the project."""
    return str(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"])


def scales() -> dict[str, Any]:
    """Return the scales and the matrix."""
    return tomllib.loads((FOLDER / "scales.toml").read_text())


def risk(severity: str, likelihood: str) -> int:
    """Return the risk by the matrix."""
    known = scales()
    column = list(known["severity"]).index(severity)
    return int(known["matrix"][likelihood][column])


def hazards() -> list[Hazard]:
    """Return the log in its order."""
    log = tomllib.loads((FOLDER / "hazards.toml").read_text())["hazard"]
    return TypeAdapter(list[Hazard]).validate_python(log)


def log() -> str:
    """Return a section for each hazard, with its controls and their tests."""
    return prose("\n\n".join(map(section, hazards())) + "\n")


def section(hazard: Hazard) -> str:
    """Return one hazard in the order of the argument: from its causes to what a site must do."""
    levels = f"{hazard.severity}; {hazard.likelihood} → {hazard.left}"
    lines = [
        f"- **Causes**: {'. '.join(hazard.causes)}.",
        *map(proved, hazard.controls),
        f"- **Risk**: {hazard.before} → {hazard.after} ({levels}). {hazard.reason}",
        f"- **Left**: {hazard.residual}",
        f"- **On site**: {'. '.join(hazard.site)}.",
    ]
    head = f"## {hazard.id} {hazard.title}\n\n{hazard.situation} {hazard.harm}\n\n"
    return head + "\n".join(lines)


def proved(control: Control) -> str:
    """Return a control under its kind, with its tests."""
    tests = ", ".join(f"`{test}`" for test in control.tests)
    return f"- *{control.kind.capitalize()}*: {control.control}. {tests}"


def profile() -> str:
    """Return how many hazards there are of each risk, before and after."""
    log, known = hazards(), scales()["acceptability"]
    before = Counter(hazard.before for hazard in log)
    after = Counter(hazard.after for hazard in log)
    rows = [(level, text, before[int(level)], after[int(level)]) for level, text in known.items()]
    return table(("risk", "acceptability", "hazards without controls", "with them"), rows)


def evidence() -> str:
    """Return the outcome of the last removal of every control."""
    record = json.loads(REMOVALS.read_text())
    outcomes = Counter(record["outcomes"].values())
    return prose(
        f"On {record['date']} (version {record['version']}) each of {outcomes.total()} parts of "
        "the controls was removed alone, and its test run: without it the test failed for "
        f"{outcomes['red']} of them ([record](../records/{REMOVALS.name})).\n"
    )


def scale(name: str) -> str:
    return table((name, "meaning"), list(scales()[name].items()))


def matrix() -> str:
    known = scales()
    rows = [(name, *numbers) for name, numbers in known["matrix"].items()]
    return table(("likelihood \\ severity", *known["severity"]), rows)


BLOCKS: Final = {
    **{block.__name__: block for block in (log, profile, evidence, matrix)},
    "scale": scale,
}
