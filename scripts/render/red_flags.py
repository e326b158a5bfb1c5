"""docs/red-flags.md: how red flags are found, and how well, from two records.

The card is written by training, docs/red-flags/evaluation.json by
`python -m scripts.red_flags.evaluate`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from gateway.safety.red_flags.classifier.model import CARD
from scripts.red_flags.evaluate import PREVALENCES, RECORD, interval, predictive
from scripts.render.page import ROOT, table

Row = Mapping[str, Any]
LANGUAGE = {"en": "English", "de": "German", "es": "Spanish", "fr": "French"}
OF_TEXTS = {**LANGUAGE, "any": "other or none"}

INTRO = """# Red-flag classifier

How well the notices of [Safety](safety.md#red-flag-notices) work on texts that nothing was trained
on, and the card of the classifier behind them. Shares are of texts with any notice, with their
95 % interval (Wilson). Rules are in English, German, Spanish; the classifier reads French, too.

**Read this first.** The figures of the frozen part are optimistic. It was written before the
classifier, by the author who then wrote the training texts: its vocabulary is one person's. Its
totals were looked at between rounds of training, and lines that were added later name situations
that it has, too, in other words. The first round, before that, noticed 81 % of the English
emergencies and 8 % of the other English texts (German 100 % and 15 %, Spanish 96 % and 15 %, French
92 % and 19 %). Before texts without medical content were added, it was 85 % and 4 %, and greetings
were taken for emergencies. Three trainings with them were compared on it: 78 % and 3 %; with more
errors of typing 84 % and 5 %; with these and more texts without content, the one that is shipped,
81 % and 4 %. So the choice was made with its help. The public sources are the better forecast;
they were looked at between rounds as well, but of their texts no more than a handful was read, for
the format. No figure is of real patients; validate on your own texts before you rely on any.
"""

PREDICTIVE = """Positive predictive value of the figures above, at three shares of emergencies among
messages: over the interval of the share of other texts that get a notice.

"""
CALIBRATION = """The classifier's estimate in five bins, and the share of the frozen texts in each
that are emergencies.

"""
SOURCES_NOTE = """
HealthBench's labels are of its themes: some of the others are emergencies on reading; every second
one of its others was trained on. Semigran's cases are worded like exam items ("A 48-year-old woman
presents ..."), and are taken for such. ClinicaFlow's are given without their vital signs.
"""
CARD_TEXT = """
## Card

Trained {trained}; {method}; {texts:,} texts, {emergencies:,} of them emergencies. Cross-validated
over groups of texts with a common origin, at an estimate of {cv_threshold:.2f}:
{cv_sensitivity:.0%} of passages of emergencies, {cv_alarms:.0%} of others.
`python -m scripts.red_flags.train` makes it again, byte for byte.

"""
PUBLIC = """Public sets, fetched by commit and digest (`scripts/red_flags/sources.toml`); nothing of
them is kept here:

"""
OWN = """
Texts of our own (`scripts/red_flags/texts/`, and the corpus of the rules), with their variants;
among the others those without medical content: greetings, commands, small talk, code, noise.

"""
MATCHES = """
Matches of rules, by the classifier's estimate (cross-validated): below the chosen 0.2 a match is
suppressed.

"""


def pages() -> dict[Path, str]:
    record = json.loads(RECORD.read_text("utf-8"))
    card = json.loads(CARD.read_text("utf-8"))
    return {ROOT / "docs" / "red-flags.md": INTRO + "".join(sections(record, card))}


def sections(record: Row, card: Row) -> Iterator[str]:
    yield from frozen_sections(record)
    yield from calibration_section(record)
    yield from source_section(record)
    yield from cost_section(record)
    yield from card_sections(card)


def frozen_sections(record: Row) -> Iterator[str]:
    (languages,), (kinds,) = record["languages"], record["kinds"]
    yield "\n## Frozen part, by language\n\n"
    yield table(
        ["language", "emergencies noticed (sensitivity)", "other texts noticed", "specificity"],
        [by_language(languages["rows"], name) for name in LANGUAGE],
    )
    yield "\n## Frozen part, English, by kind\n\n"
    yield table(
        ["texts", "kind", "noticed"],
        [
            ["emergencies" if row["emergency"] else "others", row["group"], share(row)]
            for row in kinds["rows"]
        ],
    )
    yield "\n## How many notices are right\n\n"
    yield PREDICTIVE
    yield table(
        ["language", *(f"{prevalence:.0%} emergencies" for prevalence in PREVALENCES)],
        [predicted(languages["rows"], name) for name in LANGUAGE],
    )


def calibration_section(record: Row) -> Iterator[str]:
    yield "\n## Calibration\n\n"
    yield CALIBRATION
    yield table(
        ["estimated", "observed", "texts", ""],
        [
            [f"{one['estimated']:.2f}", f"{one['observed']:.2f}", one["texts"], bar(one)]
            for one in record["calibration"]
        ],
    )


def source_section(record: Row) -> Iterator[str]:
    yield "\n## Public sources that nothing was trained on\n\n"
    yield table(
        ["source", "licence", "texts", "kind", "noticed"],
        [
            [
                source["name"],
                source["licence"],
                "emergencies" if row["emergency"] else "others",
                row["kind"],
                share(row),
            ]
            for source in record["sources"]
            for row in source["rows"]
        ],
    )
    yield SOURCES_NOTE


def cost_section(record: Row) -> Iterator[str]:
    yield "\n## Cost\n\n"
    yield table(
        ["text", "processor time"],
        [[name, f"{cost:,.0f} µs"] for name, cost in record["cost_us"].items()],
    )


def card_sections(card: Row) -> Iterator[str]:
    checked = card["cross_validation"]
    yield CARD_TEXT.format(**card, **{f"cv_{name}": value for name, value in checked.items()})
    yield PUBLIC
    yield table(
        ["set", "licence", "repository", "commit"],
        [
            [one["name"], one["licence"], one["repository"], f"`{one['commit'][:12]}`"]
            for one in card["public"]
        ],
    )
    yield OWN
    yield table(
        ["language", "kind", "texts", "number"],
        [
            [
                OF_TEXTS[one["language"]],
                one["kind"],
                "emergencies" if one["emergency"] else "others",
                one["texts"],
            ]
            for one in card["own"]
        ],
    )
    yield MATCHES
    yield table(
        ["estimate at least", "of matches in emergencies", "of matches in other messages"],
        [
            [one["probability"], f"{one['emergencies']:.0%}", f"{one['others']:.0%}"]
            for one in card["matches_of_rules"]
        ],
    )


def by_language(rows: Sequence[Row], name: str) -> list[str]:
    cases, others = both(rows, name)
    low, high = interval(others["texts"] - others["fired"], others["texts"])
    right = 1 - others["fired"] / others["texts"]
    return [LANGUAGE[name], share(cases), share(others), f"{right:.0%} ({low:.0%} to {high:.0%})"]


def predicted(rows: Sequence[Row], name: str) -> list[str]:
    cases, others = both(rows, name)
    found = cases["fired"] / cases["texts"]
    few, many = interval(others["fired"], others["texts"])
    return [
        LANGUAGE[name],
        *(
            f"{predictive(found, many, one):.0%} to {predictive(found, few, one):.0%}"
            for one in PREVALENCES
        ),
    ]


def both(rows: Sequence[Row], name: str) -> tuple[Row, Row]:
    """Return a language's emergencies and its others."""
    own = {row["emergency"]: row for row in rows if row["group"] == name}
    return own[True], own[False]


def share(row: Row) -> str:
    hits, of = row["fired"], row["texts"]
    low, high = interval(hits, of)
    return f"{hits} of {of}: {hits / of:.0%} ({low:.0%} to {high:.0%})"


def bar(one: Row) -> str:
    return "█" * round(float(one["observed"]) * 20)
