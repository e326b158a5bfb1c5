"""docs/safety-case: the hazard log and the tables of its pages, from its two TOML files."""

from __future__ import annotations

import json
import tomllib
from collections import Counter
from dataclasses import dataclass, replace
from typing import Annotated, Any, Final

from pydantic import Field, TypeAdapter

from scripts.render.page import DOCS, prose, table

FOLDER: Final = DOCS / "safety-case"
REMOVALS: Final = DOCS / "records" / "control-removals.json"  # scripts/control_removals.py
RED_FLAGS: Final = DOCS / "red-flags" / "evaluation.json"  # scripts/red_flags/evaluate.py
LANGUAGES: Final = {
    "en": "English", "de": "German", "es": "Spanish", "fr": "French", "pt": "Portuguese",
    "it": "Italian",
}  # fmt: skip
UNACCEPTABLE: Final = 4
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
    residual: str
    site: list[str]
    controls: Annotated[list[Control], Field(alias="control")]
    measured: str = ""  # `missed` or `false`: may raise `left`, and completes `residual`

    @property
    def before(self) -> int:
        return risk(self.severity, self.likelihood)

    @property
    def after(self) -> int:
        return risk(self.severity, self.left)


def scales() -> dict[str, Any]:
    """Return the scales and the matrix."""
    return tomllib.loads((FOLDER / "scales.toml").read_text())


def risk(severity: str, likelihood: str) -> int:
    """Return the risk by the matrix."""
    column = list(scales()["severity"]).index(severity)
    return int(scales()["matrix"][likelihood][column])


def hazards() -> list[Hazard]:
    """Return the log in its order; what was measured is scored by its figures."""
    log = tomllib.loads((FOLDER / "hazards.toml").read_text())["hazard"]
    hazards = TypeAdapter(list[Hazard]).validate_python(log)
    return [score(hazard) if hazard.measured else hazard for hazard in hazards]


def score(hazard: Hazard) -> Hazard:
    """Score a hazard by the shares of the two newest sets of texts, the worst group first."""
    shares = sorted(measured_shares(is_missed=hazard.measured == "missed"), reverse=True)
    (worst, group), whole = shares[0], next(share for share, name in shares if name == "all")
    counted = "high" if worst >= 0.5 else "medium" if worst >= 0.1 else "low"
    left = max(hazard.left, counted, key=list(scales()["likelihood"]).index)
    figures = {"all": f"{whole:.0%}", "worst": f"{worst:.0%}", "group": group}
    return replace(hazard, left=left, residual=hazard.residual.format(**figures))


def measured_shares(*, is_missed: bool) -> list[tuple[float, str]]:
    """Return the shares of emergencies missed, or of other texts noticed, by language and length.

    The newest set is by the author of the training. Other texts are counted in company, too.
    """
    record = json.loads(RED_FLAGS.read_text())
    shares = []
    for figures in (record["newest"], record["known"][-1]):
        languages, lengths = (
            [row for row in figures.get(name, ()) if row["emergency"] is is_missed]
            for name in ("languages", "lengths")
        )
        whole = {name: sum(row[name] for row in languages) for name in ("noticed", "texts")}
        for row in (*languages, *lengths, {**whole, "group": "all"}):
            group = LANGUAGES.get(row["group"], row["group"])
            shares.append((row["noticed"] / row["texts"], group))
    if is_missed:
        return [(1 - share, group) for share, group in shares]
    company = record["company"]
    return [*shares, *((row["alarms"] / row["others"], row["company"]) for row in company)]


def log() -> str:
    """Return a section for each hazard, with its controls and their tests."""
    return prose("\n\n".join(map(section, hazards())) + "\n")


def section(hazard: Hazard) -> str:
    """Return one hazard in the order of the argument: from its causes to what a site must do."""
    levels = f"{hazard.severity}; {hazard.likelihood}→{hazard.left}"
    risk = f"**Risk {hazard.before}→{hazard.after}** ({levels})."
    lines = [
        f"- **Causes**: {'. '.join(hazard.causes)}.",
        *map(proof, hazard.controls),
        f"- **Left**: {hazard.residual}",
        f"- **You**: {'. '.join(hazard.site)}.",
    ]
    head = f"## {hazard.id} {hazard.title}\n\n{hazard.situation} {hazard.harm} {risk}\n\n"
    return head + "\n".join(lines)


def proof(control: Control) -> str:
    """Return a control under its kind, with its tests."""
    tests = ", ".join(f"`{test}`" for test in dict.fromkeys(control.tests))
    return f"- *{control.kind.capitalize()}*: {control.control}. {tests}"


def profile() -> str:
    """Return how many hazards there are of each risk, before and after."""
    log, known = hazards(), scales()["acceptability"]
    before = Counter(hazard.before for hazard in log)
    after = Counter(hazard.after for hazard in log)
    rows = [(level, text, before[int(level)], after[int(level)]) for level, text in known.items()]
    return table(("risk", "acceptability", "without controls", "with"), rows)


def unacceptable() -> str:
    """Return the hazards that the controls do not bring to an acceptable level."""
    names = [hazard.id for hazard in hazards() if hazard.after >= UNACCEPTABLE]
    return prose(
        f"{len(names)} hazards stay at risk {UNACCEPTABLE} or more: {', '.join(names[:-1])} and "
        f"{names[-1]}. The service alone does not bring them to an acceptable level.\n"
    )


def evidence() -> str:
    """Return the outcome of the last removal of every control."""
    record = json.loads(REMOVALS.read_text())
    outcomes = Counter(record["outcomes"].values())
    return prose(
        f"On {record['date']} (version {record['version']}) each of {outcomes.total()} parts of "
        f"the controls was removed alone: its test failed for {outcomes['red']} of them "
        f"([record](../records/{REMOVALS.name})).\n"
    )


BLOCKS: Final = {block.__name__: block for block in (log, profile, unacceptable, evidence)}
