"""The tables of docs/red-flags.md, from the record that `python -m scripts.red_flags.evaluate`
writes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from assurance.evaluation.statistics import wilson
from scripts.red_flags.evaluate import RECORD
from scripts.render.page import table

Row = Mapping[str, Any]
NONE = "-"  # where a set has no texts of a language
LANGUAGES = {
    "en": "English", "de": "German", "es": "Spanish", "fr": "French", "pt": "Portuguese",
    "it": "Italian",
}  # fmt: skip
SHARES = {
    "topic named, of those noticed": "topic_named",
    "likeliest topic right": "first_topic_right",
    "self-harm": "self-harm",
    "poisoning": "poisoning",
    "typing errors": "typed",
}
COMPANY = ("company, the worst of after, before and around", "noticed", "others", "others alone")


def record() -> Any:
    return json.loads(RECORD.read_text("utf-8"))


def languages() -> str:
    """Render the newest set by language, as it was scored once."""
    rows = record()["once"]["languages"]
    head = ["language", "emergencies noticed", "other texts noticed"]
    return table(head, [[title, *cells(rows, name, share)] for name, title in LANGUAGES.items()])


def shares() -> str:
    """Render the other shares of the newest set."""
    once = record()["once"]
    rows = [[title, share(once[name])] for title, name in SHARES.items()]
    return table(["all languages", "share"], rows)


def company() -> str:
    """Render a row for each kind of company."""
    kinds: dict[str, list[Row]] = {}
    for row in record()["company"]:
        kinds.setdefault(row["company"].split(", ")[0], []).append(row)
    return table(COMPANY, [[kind, *worst(rows)] for kind, rows in kinds.items()])


def worst(rows: Sequence[Row]) -> Iterator[str]:
    """Yield the lowest share of emergencies, and the highest of the others: in company, alone."""
    yield f"{min(row['kept'] / row['alone'] for row in rows):.1%}"
    yield f"{max(row['alarms'] / row['others'] for row in rows):.1%}"
    yield f"{max(row['before'] / row['others'] for row in rows):.1%}"


def known_sets() -> str:
    """Render the sets that thresholds were chosen on, from the third on, and the newest."""
    sets = [*record()["known"][3:], record()["newest"]]
    rows = [
        [
            each["name"],
            *(", ".join(cells(each["languages"], name, percentage)) for name in LANGUAGES),
        ]
        for each in sets
    ]
    return table(["set", *LANGUAGES.values()], rows)


def public_sources() -> str:
    """Render the public test sources, a row for each kind of text."""
    rows = [
        [source["name"], kind, *cells(source["rows"], kind, share)]
        for source in record()["sources"]
        for kind in dict.fromkeys(row["group"] for row in source["rows"])
    ]
    return table(["source", "kind", "emergencies noticed", "others noticed"], rows)


def cells(rows: Sequence[Row], name: str, cell: Callable[[Row], str]) -> list[str]:
    """Render the emergencies and the other texts of a group; a dash where there are none."""
    by_label = {row["emergency"]: row for row in rows if row["group"] == name}
    return [cell(by_label[label]) if label in by_label else NONE for label in (True, False)]


def percentage(row: Row) -> str:
    return f"{row['noticed'] / row['texts']:.0%}"


def share(row: Row) -> str:
    """Render a share with its 95 % interval."""
    interval = str(wilson(row["noticed"], row["texts"])).replace("% to ", "-")
    return f"{row['noticed']}/{row['texts']}: {interval}"


BLOCKS = {
    "languages": languages,
    "shares": shares,
    "company": company,
    "known sets": known_sets,
    "public sources": public_sources,
}
