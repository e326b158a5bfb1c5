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
from gateway.safety.red_flags.screening import FAR_FROM
from gateway.safety.wording import built_in
from scripts.red_flags.evaluate import PREVALENCES, RECORD, interval, predictive
from scripts.red_flags.thresholds import ALARMS
from scripts.render import red_flags_prose as prose
from scripts.render.page import ROOT, table

Row = Mapping[str, Any]
LOOP_HOLDS = RECORD.with_name("loop-holds.json")
LANGUAGE = {"en": "English", "de": "German", "es": "Spanish", "fr": "French"}
OF_TEXTS = {**LANGUAGE, "any": "other or none"}


GOALS = {"en": (0.7, 0.05), "de": (0.7, 0.05), "es": (0.7, 0.05), "fr": (0.6, 0.05)}


def pages() -> dict[Path, str]:
    record = json.loads(RECORD.read_text("utf-8"))
    card = json.loads(CARD.read_text("utf-8"))
    return {ROOT / "docs" / "red-flags.md": prose.INTRO + "".join(sections(record, card))}


def sections(record: Row, card: Row) -> Iterator[str]:
    yield from release_sections(record)
    yield from frozen_sections(record)
    yield from calibration_section(record)
    yield from source_section(record)
    yield from rule_section(record)
    yield from cost_section(record)
    yield from loop_section(json.loads(LOOP_HOLDS.read_text("utf-8")))
    yield from card_sections(card)


def release_sections(record: Row) -> Iterator[str]:
    *earlier, (_, newest) = record["releases"].items()
    (languages,), (alone,), (kinds,) = (
        newest["once"][name] for name in ("languages", "without_rules", "kinds")
    )
    yield "\n## Release set, by language\n"
    yield prose.RELEASE.format(**record["thresholds"])
    yield table(
        ["language", "emergencies noticed", "goal", "other texts noticed", "goal"],
        [beside_goals(languages["rows"], name) for name in LANGUAGE],
    )
    yield "\nThe same without rules: by the classifier and the vital signs alone.\n\n"
    yield table(
        ["language", "emergencies noticed", "other texts noticed"],
        [[LANGUAGE[name], *map(share, both(alone["rows"], name))] for name in LANGUAGE],
    )
    yield "\n## Release set, by kind\n\n"
    yield by_kind(kinds["rows"])
    yield "\n## Earlier release sets\n"
    yield prose.EARLIER
    yield table(
        [
            "set",
            "emergencies noticed, once",
            "other texts noticed, once",
            "emergencies, now",
            "other texts, now",
        ],
        [row for name, one in earlier for row in once_and_now(name.partition("_")[0], one)],
    )
    yield "\n## How many notices are right\n\n"
    yield prose.PREDICTIVE
    yield table(
        ["language", *(f"{prevalence:.0%} emergencies" for prevalence in PREVALENCES)],
        [predicted(languages["rows"], name) for name in LANGUAGE],
    )


def once_and_now(number: str, release: Row) -> Iterator[list[str]]:
    """Return a row for each language of a release set that is a known one now."""
    (once,), (now,) = release["once"]["languages"], release["now"]["languages"]
    for name in LANGUAGE:
        if any(row["group"] == name for row in once["rows"]):
            shares = (share(row) for rows in (once, now) for row in both(rows["rows"], name))
            yield [f"{number}, {LANGUAGE[name]}", *shares]


def beside_goals(rows: Sequence[Row], name: str) -> list[str]:
    """Return a language's shares, each with what has become of its goal."""
    cases, others = both(rows, name)
    least, most = GOALS[name]
    found = cases["fired"] / cases["texts"] >= least
    quiet = others["fired"] / others["texts"] <= most
    return [
        LANGUAGE[name],
        share(cases),
        f"{least:.0%}: {'met' if found else 'missed'}",
        share(others),
        f"{most:.0%}: {'met' if quiet else 'missed'}",
    ]


def by_kind(rows: Sequence[Row]) -> str:
    return table(
        ["texts", "kind", "noticed"],
        [
            ["emergencies" if row["emergency"] else "others", row["group"], share(row)]
            for row in rows
        ],
    )


def rule_section(record: Row) -> Iterator[str]:
    yield "\n## What each rule adds\n"
    yield prose.RULES
    names = built_in("en").notices
    yield table(
        ["rule", "", "right", "wrong", "right alone", "wrong alone"],
        [
            [row["rule"], names[row["rule"]].summary, *map(number, list(row.values())[1:])]
            for row in record["rules"]
        ],
    )


def number(count: int) -> str:
    return str(count) if count else ""


def frozen_sections(record: Row) -> Iterator[str]:
    (languages,), (kinds,) = record["languages"], record["kinds"]
    yield "\n## Frozen part, by language\n\n"
    yield table(
        ["language", "emergencies noticed (sensitivity)", "other texts noticed", "specificity"],
        [by_language(languages["rows"], name) for name in LANGUAGE],
    )
    yield "\n## Frozen part, by kind\n\n"
    yield by_kind(kinds["rows"])


def calibration_section(record: Row) -> Iterator[str]:
    yield "\n## Calibration\n\n"
    yield prose.CALIBRATION
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
    yield prose.SOURCES_NOTE


def cost_section(record: Row) -> Iterator[str]:
    yield "\n## Cost\n\n"
    yield table(
        ["text", "processor time"],
        [[name, f"{cost:,.0f} µs"] for name, cost in record["cost_us"].items()],
    )


def loop_section(record: Row) -> Iterator[str]:
    yield "\n## Beside other streams\n"
    yield prose.LOOP
    yield table(
        ["text", "longest step, median", "worst"],
        [
            [text["text"], f"{text['median_ms']:.1f} ms", f"{text['worst_ms']:.1f} ms"]
            for text in record["texts"]
        ],
    )


def card_sections(card: Row) -> Iterator[str]:
    checked = card["cross_validation"]
    yield prose.CARD_TEXT.format(**card, **{f"cv_{name}": value for name, value in checked.items()})
    yield prose.PUBLIC
    yield table(
        ["set", "licence", "repository", "commit"],
        [
            [one["name"], one["licence"], one["repository"], f"`{one['commit'][:12]}`"]
            for one in card["public"]
        ],
    )
    yield prose.OWN
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
    yield prose.THRESHOLDS.format(**ALARMS)
    steps = list(dict.fromkeys(one["threshold"] for one in card["by_threshold"]))
    yield table(
        ["language", *map(str, steps), "chosen"],
        [[name, *by_threshold(card, key), chosen(card, key)] for key, name in LANGUAGE.items()],
    )
    yield prose.MATCHES.format(far_from=FAR_FROM)
    yield table(
        ["estimate at least", "of matches in emergencies", "of matches in other messages"],
        [
            [rule["probability"], f"{rule['emergencies']:.0%}", f"{rule['others']:.0%}"]
            for rule in card["matches_of_rules"]
        ],
    )


def by_threshold(card: Row, language: str) -> list[str]:
    rows = [one for one in card["by_threshold"] if one["language"] == language]
    return list(map(shares, rows))


def chosen(card: Row, language: str) -> str:
    (row,) = (one for one in card["chosen"] if one["language"] == language)
    return f"{row['threshold']:.2f}: {shares(row)}"


def shares(row: Row) -> str:
    return f"{row['emergencies']:.0%} / {row['others']:.1%}"


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
            f"{predictive(found, many, prevalence):.0%} to {predictive(found, few, prevalence):.0%}"
            for prevalence in PREVALENCES
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
