"""docs/red-flags.md: red_flags.md with the figures of docs/red-flags/evaluation.json, which
`python -m scripts.red_flags.evaluate` writes."""

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
from scripts.render.page import DOCS, table

Row = Mapping[str, Any]
DASH = "-"  # where a set has no texts of a language
LANGUAGE = {
    "en": "English", "de": "German", "es": "Spanish", "fr": "French", "pt": "Portuguese",
    "it": "Italian",
}  # fmt: skip
TEMPLATE = Path(__file__).with_suffix(".md")


def pages() -> dict[Path, str]:
    record = json.loads(RECORD.read_text("utf-8"))
    once = record["once"]
    page = TEMPLATE.read_text("utf-8").format(
        threshold=record["threshold"],
        emergencies=total(once["languages"], emergency=True),
        others=total(once["languages"], emergency=False),
        languages=by_language(once["languages"]),
        shares=shares(once),
        worst="; ".join(worst_kinds(once["kinds"])),
        company=in_company(record["company"]),
        known=known_sets([*record["known"][3:], record["newest"]]),
        sources=public_sources(record["sources"]),
        costs="; ".join(f"{name}: {us:,.0f} µs" for name, us in record["cost_us"].items()),
        **card(),
    )
    return {DOCS / "red-flags.md": page}


def total(rows: Sequence[Row], *, emergency: bool) -> int:
    """Return the number of emergencies, or of others."""
    return sum(row["texts"] for row in rows if row["emergency"] is emergency)


def by_language(rows: Sequence[Row]) -> str:
    head = ["language", "emergencies noticed", "other texts noticed"]
    return table(head, [[title, *cells(rows, name, share)] for name, title in LANGUAGE.items()])


def shares(once: Row) -> str:
    named = {
        "topic named, of those noticed": "topic_named",
        "likeliest topic right": "first_topic_right",
        **{name: name for name in ("self-harm", "poisoning")},
        "typing errors": "typed",
    }
    rows = [[title, share(once[name])] for title, name in named.items()]
    return table(["all languages", "share"], rows)


def worst_kinds(rows: Sequence[Row]) -> Iterator[str]:
    """Return the five kinds of other texts that were noticed most."""
    others = [row for row in rows if not row["emergency"] and row["noticed"]]
    worst = sorted(others, key=lambda row: row["noticed"] / row["texts"], reverse=True)[:5]
    return (f"{row['group']} {row['noticed']} of {row['texts']}" for row in worst)


def in_company(rows: Sequence[Row]) -> str:
    kinds: dict[str, list[Row]] = {}
    for row in rows:
        kinds.setdefault(row["company"].split(", ")[0], []).append(row)
    return table(
        ["company, the worst of after, before and around", "noticed", "others", "others alone"],
        [[kind, *worst_of(group)] for kind, group in kinds.items()],
    )


def worst_of(rows: Sequence[Row]) -> Iterator[str]:
    """Return the least share that is kept, the largest of the others, and theirs alone."""
    yield f"{min(row['kept'] / row['alone'] for row in rows):.1%}"
    yield f"{max(row['alarms'] / row['others'] for row in rows):.1%}"
    yield f"{max(row['before'] / row['others'] for row in rows):.1%}"


def known_sets(folders: Sequence[Row]) -> str:
    rows = [
        [
            folder["name"],
            *(" / ".join(cells(folder["languages"], name, percentage)) for name in LANGUAGE),
        ]
        for folder in folders
    ]
    return table(["set", *LANGUAGE.values()], rows)


def public_sources(found: Sequence[Row]) -> str:
    rows = [
        [source["name"], kind, *cells(source["rows"], kind, share)]
        for source in found
        for kind in dict.fromkeys(row["group"] for row in source["rows"])
    ]
    return table(["source", "kind", "emergencies noticed", "others noticed"], rows)


def card() -> Row:
    """Return what the card says of the model's training and of its file."""
    names = built_in("en").notices
    topics = [f"{names[topic].summary} ({topic})" for topic in sorted(model().topics.names())]
    trained = [f"{source['name']} ({source['licence']})" for source in sources.sources("train")]
    return {
        "patterns": sum(1 for name in LANGUAGES for _ in texts(name)),
        "trained": ", ".join(trained),
        "megabytes": FILE.stat().st_size / 1e6,
        "topics": ", ".join(topics),
    }


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
