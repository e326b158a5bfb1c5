"""`python -m scripts.red_flags.evaluate --clones FOLDER [--release]`: measure screening.

On the frozen part, the release sets and the public test sources. Of a release set the figures that
it had when it was scored once stay; `--release` scores the newest one. Writes
docs/red-flags/evaluation.json, from which `python -m scripts.render red_flags` writes the page.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from gateway.safety.red_flags.classifier.model import CARD
from gateway.safety.red_flags.screening import Policy, Reading, raised
from scripts.red_flags import sources
from scripts.red_flags.contribution import contributions
from tests.gateway.safety.red_flags.frozen import (
    FOLDER,
    LANGUAGES,
    RELEASES,
    Case,
    cases,
    languages_of,
)

RECORD = Path(__file__).parents[2] / "docs" / "red-flags" / "evaluation.json"
POLICY = Policy(languages=("en", "de", "es"))
WITHOUT_RULES = Policy(languages=())
PREVALENCES = (0.01, 0.05, 0.2)  # a general assistant, a clinic's inbox, an emergency department
BINS = 5
SIZES = {
    "a question of 100 characters": 100,
    "1.2 KB": 1_242,
    "5 KB": 5_000,
    "32 KB": 32_000,
}
PROSE = (
    "I have had a mild headache since this morning, can I take ibuprofen with my blood pressure "
    "tablets? "
)
DIALOGUE = "Doctor: Any chest pain or fever? Patient: No, none of that, only the knee, doctor.\n"


def main() -> None:
    parser = argparse.ArgumentParser(prog="scripts.red_flags.evaluate", description=__doc__)
    parser.add_argument("--clones", type=Path, required=True, help="bare clones of the sources")
    parser.add_argument("--release", action="store_true", help="score the new release set")
    options = parser.parse_args()
    known = json.loads(RECORD.read_text("utf-8"))
    record = {
        "trained": json.loads(CARD.read_text("utf-8"))["trained"],
        "thresholds": POLICY.thresholds(),
        "releases": releases(known["releases"], with_newest=options.release),
        **figures(FOLDER),
        "sources": [measured(one, options.clones) for one in sources.sources("test")],
        "rules": contributions(development(options.clones), POLICY),
        "cost_us": {name: round(cost_us(size), 1) for name, size in SIZES.items()},
    }
    RECORD.write_text(json.dumps(record, indent=1) + "\n", "utf-8")


def releases(known: dict[str, Any], *, with_newest: bool) -> dict[str, Any]:
    """Return the figures of each release set, as it was scored once and as it is a known set."""
    newest = RELEASES[-1].name
    if newest not in known and not with_newest:
        raise SystemExit(f"{newest} was never scored: --release scores it, once.")
    found = {}
    for folder in RELEASES:
        now = release_figures(folder)
        is_scored_now = folder.name == newest and with_newest
        once = now if is_scored_now else known[folder.name]["once"]
        found[folder.name] = {"once": once, "now": now}
    return found


def figures(folder: Path, policy: Policy = POLICY) -> dict[str, Any]:
    """Return the figures of the frozen part, or of a release set, by language and by kind."""
    texts = [case for language in languages_of(folder) for case in cases(language, folder)]
    fired = {case.text: is_fired(case.text, policy) for case in texts}
    return {
        "languages": [counted("all", texts, fired, lambda case: case.language)],
        "kinds": [counted("all", texts, fired, lambda case: case.kind)],
        "calibration": calibration(texts),
    }


def release_figures(folder: Path) -> dict[str, Any]:
    """Return the figures of a release set, and what they are without rules, by language."""
    alone = figures(folder, WITHOUT_RULES)["languages"]
    return {**figures(folder), "without_rules": alone}


def development(clones: Path) -> list[tuple[str, bool]]:
    """Return the texts on which the rules are compared, and whether they are emergencies."""
    own = [(case.text, case.is_emergency) for one in LANGUAGES for case in cases(one)]
    return own + [
        (each.text, each.is_emergency)
        for use in ("test", "train")
        for one in sources.sources(use)
        for each in sources.read(one, clones)
    ]


def is_fired(text: str, policy: Policy = POLICY) -> bool:
    """Return whether a text raises any notice, by default with the default settings, all rules."""
    return bool(raised([text], policy).in_messages)


def counted(
    name: str, texts: Sequence[Case], fired: dict[str, bool], group: Callable[[Case], str]
) -> dict[str, Any]:
    """Return counts by group and label."""
    groups: dict[tuple[str, bool], list[bool]] = defaultdict(list)
    for case in texts:
        groups[group(case), case.is_emergency].append(fired[case.text])
    rows = [
        {"group": key, "emergency": label, "texts": len(found), "fired": sum(found)}
        for (key, label), found in groups.items()
    ]
    return {"name": name, "rows": rows}


def calibration(texts: Iterable[Case]) -> list[dict[str, float]]:
    """Return the mean estimate and the share of emergencies, by size of the estimate."""
    pairs = [(max(Reading.of(case.text).chances), case.is_emergency) for case in texts]
    bins: dict[int, list[tuple[float, bool]]] = defaultdict(list)
    for chance, label in pairs:
        bins[min(int(chance * BINS), BINS - 1)].append((chance, label))
    return [
        {
            "texts": len(found),
            "estimated": round(sum(chance for chance, _ in found) / len(found), 3),
            "observed": round(sum(label for _, label in found) / len(found), 3),
        }
        for _, found in sorted(bins.items())
    ]


def measured(source: dict[str, Any], clones: Path) -> dict[str, Any]:
    """Return the counts of a public source."""
    groups: dict[tuple[bool, str], list[bool]] = defaultdict(list)
    for each in sources.read(source, clones):
        groups[each.is_emergency, each.kind].append(is_fired(each.text))
    rows = [
        {"emergency": label, "kind": kind, "texts": len(found), "fired": sum(found)}
        for (label, kind), found in groups.items()
    ]
    return {"name": source["name"], "licence": source["licence"], "rows": rows}


def cost_us(size: int) -> float:
    """Return the processor time of one screening in microseconds, the best of nine."""
    piece = PROSE if size <= len(PROSE) + 1 else DIALOGUE
    text = (piece * (size // len(piece) + 1))[:size]
    repeats = max(3, 200_000 // size)
    return min(seconds(text, repeats) for _ in range(9)) * 1e6


def seconds(text: str, repeats: int) -> float:
    start = time.process_time()
    for _ in range(repeats):
        raised([text], POLICY)
    return (time.process_time() - start) / repeats


def interval(hits: int, of: int) -> tuple[float, float]:
    """Return Wilson's 95 % interval of a share."""
    if not of:
        return 0.0, 1.0
    share, z = hits / of, 1.96
    centre = share + z * z / (2 * of)
    spread = z * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    under = 1 + z * z / of
    return max(0.0, (centre - spread) / under), min(1.0, (centre + spread) / under)


def predictive(sensitivity: float, alarms: float, prevalence: float) -> float:
    """Return the share of notices that are right, at a prevalence of emergencies."""
    true, false = sensitivity * prevalence, alarms * (1 - prevalence)
    return true / (true + false) if true + false else 0.0


if __name__ == "__main__":
    main()
