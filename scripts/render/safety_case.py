"""docs/safety-case: the hazard log and the tables of its pages, from its two TOML files."""

from __future__ import annotations

import json
import tomllib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, Final, NamedTuple

from pydantic import Field, TypeAdapter

from scripts.render.page import DOCS, ROOT, prose, table
from scripts.render.red_flags import LANGUAGES

FOLDER: Final = DOCS / "safety-case"
REMOVALS: Final = DOCS / "records" / "control-removals.json"  # scripts/control_removals.py
RED_FLAGS: Final = DOCS / "red-flags" / "evaluation.json"  # scripts/red_flags/evaluate.py
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
    measured: str = ""  # a figure of MEASURED, which may raise `left` and completes `residual`

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
    """Return the log in its order; what was measured is scored by its figures."""
    log = tomllib.loads((FOLDER / "hazards.toml").read_text())["hazard"]
    hazards = TypeAdapter(list[Hazard]).validate_python(log)
    return [score(hazard) if hazard.measured else hazard for hazard in hazards]


def score(hazard: Hazard) -> Hazard:
    """Score a hazard by the shares of the two newest sets of texts, the worst group first."""
    worst, *others = sorted(MEASURED[hazard.measured](), reverse=True)
    whole = next(share for share in (worst, *others) if share.group == "all")
    left = max(hazard.left, likelihood_of(worst.value), key=list(scales()["likelihood"]).index)
    figures = {"all": f"{whole.value:.0%}", "worst": f"{worst.value:.0%}", "group": worst.group}
    return replace(hazard, left=left, residual=hazard.residual.format(**figures))


def likelihood_of(share: float) -> str:
    """Return the likelihood of what was counted: `high` is the majority, `low` under a tenth."""
    return next(
        name for limit, name in ((0.5, "high"), (0.1, "medium"), (0.0, "low")) if share >= limit
    )


class Share(NamedTuple):
    """A share of texts that were missed, or noticed without need."""

    value: float
    group: str


def missed() -> list[Share]:
    """Return the shares of emergencies without a notice: by language, by length, of all."""
    return [Share(1 - noticed / texts, group) for group, noticed, texts in counts(emergency=True)]


def noticed_in_vain() -> list[Share]:
    """Return the shares of other texts with a notice: by language and length, in company."""
    alone = [Share(noticed / texts, group) for group, noticed, texts in counts(emergency=False)]
    company = json.loads(RED_FLAGS.read_text())["company"]
    return [*alone, *(Share(row["alarms"] / row["others"], row["company"]) for row in company)]


def counts(*, emergency: bool) -> list[tuple[str, int, int]]:
    """Return the noticed texts and all texts of each group of the two newest sets, and of all."""
    figures = json.loads(RED_FLAGS.read_text())
    sets = (figures["once"], figures["known"][-1])  # the newest is by the author of the training
    return [group for each in sets for group in counts_of_set(each, emergency=emergency)]


def counts_of_set(figures: Mapping[str, Any], *, emergency: bool) -> list[tuple[str, int, int]]:
    """Return the noticed texts and all texts of each language and length, and of all."""
    parts = [figures["languages"], figures.get("lengths", [])]
    rows = [row for part in parts for row in part if row["emergency"] is emergency]
    of_all = [row for row in parts[0] if row["emergency"] is emergency]
    whole = (sum(row["noticed"] for row in of_all), sum(row["texts"] for row in of_all))
    groups = [
        (LANGUAGES.get(row["group"], row["group"]), row["noticed"], row["texts"]) for row in rows
    ]
    return [*groups, ("all", *whole)]


MEASURED: Final = {"missed": missed, "false": noticed_in_vain}


def log() -> str:
    """Return a section for each hazard, with its controls and their tests."""
    return prose("\n\n".join(map(section, hazards())) + "\n")


def section(hazard: Hazard) -> str:
    """Return one hazard in the order of the argument: from its causes to what a site must do."""
    levels = f"{hazard.severity}; {hazard.likelihood}→{hazard.left}"
    risk = f"**Risk {hazard.before}→{hazard.after}** ({levels})."
    lines = [
        f"- **Causes**: {'. '.join(hazard.causes)}.",
        *map(proved, hazard.controls),
        f"- **Left**: {hazard.residual}",
        f"- **You**: {'. '.join(hazard.site)}.",
    ]
    head = f"## {hazard.id} {hazard.title}\n\n{hazard.situation} {hazard.harm} {risk}\n\n"
    return head + "\n".join(lines)


def proved(control: Control) -> str:
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


def scale(name: str) -> str:
    return table((name, "meaning"), list(scales()[name].items()))


def matrix() -> str:
    known = scales()
    rows = [(name, *numbers) for name, numbers in known["matrix"].items()]
    return table(("likelihood \\ severity", *known["severity"]), rows)


BLOCKS: Final = {
    **{block.__name__: block for block in (log, profile, unacceptable, evidence, matrix)},
    "scale": scale,
}
