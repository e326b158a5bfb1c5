"""docs/safety-case: the hazard log and the tables of its pages, from its two TOML files."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from scripts.render.page import DOCS, table, with_blocks

FOLDER: Final = DOCS / "safety-case"
BLOCK: Final = re.compile(r"(<!-- (?!end)(\w+) -->\n)(?:.*\n)*?(?=<!-- end -->\n)")
KINDS: Final = {
    "design": "inherent safety by design",
    "protective": "protective measure",
    "information": "information for safety",
}
HEAD: Final = """\
# Hazard log

Every hazard that is known of this service, with its severity, its likelihood, and its risk without
and with the product's own [controls](controls.md), and what is left. Nobody has accepted the risks
that are left: the role that could is not filled ([plan](risk-management-plan.md#roles)). What only
a site can do is not counted: [deploying organisation](deploying-organisation.md). Risks to security
that are left: [threat model](../threat-model.md#residual-risks). Generated (`make docs`) from
[hazards.toml](hazards.toml); [scales](risk-management-plan.md#scales).

"""
CONTROLS_HEAD: Final = """\
# Risk controls

Every control of the [hazard log](hazard-log.md) with its kind (ISO 14971) and the tests that prove
it. `tests/docs/test_safety_case.py` proves that each of them exists, is collected, and has no mark
that would keep it from running. Generated (`make docs`) from [hazards.toml](hazards.toml).

"""


@dataclass(frozen=True, slots=True)
class Control:
    """A risk control and the tests, by pytest's names, that prove it."""

    kind: str
    control: str
    tests: list[str]


@dataclass(frozen=True, slots=True)
class Hazard:
    """A hazard with its risk before and after controls, as a number from 1 to 5."""

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
    controls: list[Control]

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
    known = scales()
    column = list(known["severity"]).index(severity)
    return int(known["matrix"][likelihood][column])


def hazards() -> list[Hazard]:
    """Return the log in its order."""
    log = tomllib.loads((FOLDER / "hazards.toml").read_text())["hazard"]
    return [
        Hazard(controls=[Control(**control) for control in entry.pop("control")], **entry)
        for entry in log
    ]


def pages() -> dict[Path, str]:
    """Return the log, and the pages with their tables."""
    named = ("index", "risk-management-plan", "deploying-organisation")
    files = [FOLDER / f"{name}.md" for name in named]
    blocks = {
        file: with_blocks(file, BLOCK, lambda match: BLOCKS[match[2]]() + "\n") for file in files
    }
    return {
        FOLDER / "hazard-log.md": HEAD + log(),
        FOLDER / "controls.md": CONTROLS_HEAD + controls(),
        **blocks,
    }


def log() -> str:
    """Return a row for each hazard, with the anchor that other pages link."""
    rows = [
        (
            f'<a id="{anchor(hazard)}"></a>**{hazard.id}** {hazard.title}',
            f"{hazard.situation} {hazard.harm}",
            f"{'; '.join(hazard.causes)}.",
            hazard.severity,
            f"{hazard.likelihood} → {hazard.left}",
            f"{hazard.before} → {hazard.after}",
            hazard.residual,
        )
        for hazard in hazards()
    ]
    head = (
        *("hazard", "situation and harm", "causes"),
        *("severity", "likelihood", "risk", "what is left"),
    )
    return table(head, rows)


def anchor(hazard: Hazard) -> str:
    return hazard.id.lower()


def controls() -> str:
    """Return every control with its hazard, its kind and its tests."""
    rows = [
        (hazard.id, control.control, control.kind, ", ".join(f"`{test}`" for test in control.tests))
        for hazard in hazards()
        for control in hazard.controls
    ]
    kinds = "; ".join(f"*{kind}*: {meaning}" for kind, meaning in KINDS.items())
    return f"{kinds}.\n\n{table(('hazard', 'control', 'kind', 'proved by'), rows)}"


def link(hazard: Hazard) -> str:
    return f"[{hazard.id}](hazard-log.md#{anchor(hazard)}) {hazard.title}"


def profile() -> str:
    """Return how many hazards there are of each risk, before and after."""
    log, known = hazards(), scales()["acceptability"]
    before, after = (
        Counter(hazard.before for hazard in log),
        Counter(hazard.after for hazard in log),
    )
    rows = [(level, text, before[int(level)], after[int(level)]) for level, text in known.items()]
    return table(("risk", "acceptability", "hazards without controls", "with them"), rows)


def duties() -> str:
    """Return what the deploying organisation has to do for each hazard."""
    return table(
        ("hazard", "control on site"),
        [(link(hazard), "; ".join(hazard.site) + ".") for hazard in hazards()],
    )


def severities() -> str:
    return table(("severity", "meaning"), list(scales()["severity"].items()))


def likelihoods() -> str:
    return table(("likelihood", "meaning"), list(scales()["likelihood"].items()))


def matrix() -> str:
    known = scales()
    rows = [(name, *numbers) for name, numbers in known["matrix"].items()]
    return table(("likelihood \\ severity", *known["severity"]), rows)


BLOCKS: Final[dict[str, Callable[[], str]]] = {
    "profile": profile,
    "duties": duties,
    "severities": severities,
    "likelihoods": likelihoods,
    "matrix": matrix,
}
