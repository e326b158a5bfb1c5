"""docs/red-flags.md: how red flags are found, and how well, from docs/red-flags/evaluation.json,
which `python -m scripts.red_flags.evaluate` writes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from assurance.evaluation.statistics import wilson
from gateway.safety.red_flags.model import FILE, model
from gateway.safety.wording import built_in
from scripts.red_flags import sources
from scripts.red_flags.evaluate import RECORD
from scripts.red_flags.passages import LANGUAGES, texts
from scripts.render.page import ROOT, table

Row = Mapping[str, Any]
DASH = "-"  # where a set has no texts of a language
LANGUAGE = {
    "en": "English", "de": "German", "es": "Spanish", "fr": "French", "pt": "Portuguese",
    "it": "Italian",
}  # fmt: skip
INTRO = Path(__file__).with_name("red_flags_intro.md")


def pages() -> dict[Path, str]:
    record = json.loads(RECORD.read_text("utf-8"))
    return {ROOT / "docs" / "red-flags.md": "".join(sections(record))}


def sections(record: Row) -> Iterator[str]:
    once = record["once"]
    yield INTRO.read_text("utf-8").format(
        threshold=record["threshold"],
        emergencies=total(once["languages"], emergency=True),
        others=total(once["languages"], emergency=False),
    )
    yield from once_section(once)
    yield from company_section(record["company"])
    yield from known_section(record["known"], record["newest"])
    yield from source_section(record["sources"])
    yield from card_section(record["cost_us"])


def total(rows: Sequence[Row], *, emergency: bool) -> int:
    """Return the number of emergencies, or of others."""
    return sum(row["texts"] for row in rows if row["emergency"] is emergency)


def once_section(once: Row) -> Iterator[str]:
    rows = once["languages"]
    yield table(
        ["language", "emergencies noticed", "other texts noticed"],
        [[LANGUAGE[name], *pair(rows, name)] for name in LANGUAGE],
    )
    yield "\n"
    named = {
        "topic named, of those noticed": "topic_named",
        "likeliest topic right": "first_topic_right",
        **{name: name for name in ("self-harm", "poisoning")},
        "typing errors": "typed",
    }
    shares = [[title, share(once[name])] for title, name in named.items()]
    yield table(["all languages", "share"], shares)
    yield "\nOther texts that were noticed most, by kind: "
    others = [row for row in once["kinds"] if not row["emergency"] and row["noticed"]]
    worst = sorted(others, key=lambda row: row["noticed"] / row["texts"], reverse=True)[:5]
    yield "; ".join(f"{row['group']} {row['noticed']} of {row['texts']}" for row in worst) + ".\n"


def company_section(rows: Sequence[Row]) -> Iterator[str]:
    yield (
        "\n## In company\n\nThe same emergencies with ordinary text around them "
        "(`tests/gateway/safety/red_flags/company/`, written without sight of the training texts), "
        "with the shipped model: "
        "the share of those noticed alone that is still noticed, and of the others the share that "
        "is noticed, beside their share alone.\n\n"
    )
    kinds: dict[str, list[Row]] = {}
    for row in rows:
        kinds.setdefault(row["company"].split(", ")[0], []).append(row)
    yield table(
        ["company, the worst of after, before and around", "noticed", "others", "others alone"],
        [[kind, *worst_of(group)] for kind, group in kinds.items()],
    )


def worst_of(rows: Sequence[Row]) -> Iterator[str]:
    """Return the least share that is kept, the largest of the others, and theirs alone."""
    yield f"{min(row['kept'] / row['alone'] for row in rows):.1%}"
    yield f"{max(row['alarms'] / row['others'] for row in rows):.1%}"
    yield f"{max(row['before'] / row['others'] for row in rows):.1%}"


def known_section(known: Sequence[Row], newest: Row) -> Iterator[str]:
    yield (
        "\n## Known sets\n\nThresholds were chosen on these; the newest is among them since it was "
        "scored. Emergencies noticed, and others noticed.\n\n"
    )
    folders = [*known[3:], newest]
    yield table(
        ["set", *LANGUAGE.values()],
        [
            [
                folder["name"],
                *(" / ".join(cells(folder["languages"], name, percentage)) for name in LANGUAGE),
            ]
            for folder in folders
        ],
    )


def source_section(found: Sequence[Row]) -> Iterator[str]:
    yield "\n## Public sources\n\nNothing was trained on them.\n\n"
    rows = [
        [source["name"], kind, *pair(source["rows"], kind)]
        for source in found
        for kind in dict.fromkeys(row["group"] for row in source["rows"])
    ]
    yield table(["source", "kind", "emergencies noticed", "others noticed"], rows)


def card_section(costs: Row) -> Iterator[str]:
    yield "\n## Card\n\n"
    lines = sum(1 for name in LANGUAGES for _ in texts(name))
    trained = [f"{source['name']} ({source['licence']})" for source in sources.sources("train")]
    names = built_in("en").notices
    topics = [f"{names[topic].summary} ({topic})" for topic in sorted(model().topics.names())]
    card = {
        "method": "logistic regression on words, pairs and pieces of words (scikit-learn); "
        "topics by naive Bayes",
        "trained on": f"{lines:,} patterns of our own (`scripts/red_flags/texts/`), and lines of "
        f"{', '.join(trained)}",
        "made by": "`python -m scripts.red_flags.train --clones FOLDER`, "
        "the same bytes from the same texts",
        "file": f"`gateway/safety/red_flags/model.json.gz`, {FILE.stat().st_size / 1e6:.1f} MB",
        "topics": ", ".join(topics),
        "not for": "triage, or any language but these six",
        "processor time": "; ".join(f"{name}: {value:,.0f} µs" for name, value in costs.items()),
    }
    yield table(["", ""], list(card.items()))


def pair(rows: Sequence[Row], name: str) -> list[str]:
    """Return the shares of a group's emergencies and of its others, with their intervals."""
    return cells(rows, name, share)


def cells(rows: Sequence[Row], name: str, cell: Callable[[Row], str]) -> list[str]:
    """Render a group's emergencies and its others; a dash where there are none."""
    by_label = {row["emergency"]: row for row in rows if row["group"] == name}
    return [cell(by_label[label]) if label in by_label else DASH for label in (True, False)]


def percentage(row: Row) -> str:
    return f"{row['noticed'] / row['texts']:.0%}"


def share(row: Row) -> str:
    estimate = wilson(row["noticed"], row["texts"])
    if estimate is None:
        return DASH
    counts = f"{row['noticed']} of {row['texts']}: {estimate.value:.0%}"
    return f"{counts} ({estimate.low:.0%} to {estimate.high:.0%})"
