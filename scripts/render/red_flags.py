"""The tables of docs/red-flags.md, from the record that `python -m scripts.red_flags.evaluate`
writes."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from assurance.evaluation.statistics import wilson
from gateway.safety.red_flags.measurements import FILE
from scripts.red_flags.evaluate import RECORD
from scripts.render.page import table

Row = Mapping[str, Any]
NONE = "-"  # where a group has no such texts
LANGUAGES = {
    "en": "English", "de": "German", "es": "Spanish", "fr": "French", "pt": "Portuguese",
    "it": "Italian",
}  # fmt: skip
SHARES = {
    "topic named, of those noticed": "topic_named",
    "likeliest topic right": "first_topic_right",
    "typing errors": "typed",
}
LINES = ("1", "2", "4", "8", "16", "32", "64 and more")
KNOWN = ("set", "emergencies noticed, worst language", "others noticed, worst language")
COMPANY = ("company, the worst of after, before and around", "noticed", "others")


def record() -> Any:
    return json.loads(RECORD.read_text("utf-8"))


def languages() -> str:
    """Render the newest set by language, as it was scored once."""
    rows = record()["once"]["languages"]
    named = [{**row, "group": LANGUAGES[row["group"]]} for row in rows]
    return groups("language", named)


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
    """Yield the lowest share of emergencies, and the highest of the others."""
    yield f"{min(row['kept'] / row['alone'] for row in rows):.1%}"
    yield f"{max(row['alarms'] / row['others'] for row in rows):.1%}"


def known_sets() -> str:
    """Render the sets that thresholds were chosen on, from the third on."""
    rows = [[each["name"], *extremes(each["languages"])] for each in record()["known"][3:]]
    return table(KNOWN, rows)


def extremes(rows: Sequence[Row]) -> Iterator[str]:
    """Yield the lowest share of emergencies and the highest of the others, with the language."""
    for chosen, emergency in ((min, True), (max, False)):
        row = chosen((row for row in rows if row["emergency"] is emergency), key=noticed)
        yield f"{noticed(row):.0%} {LANGUAGES[row['group']]}"


def noticed(row: Row) -> float:
    return float(row["noticed"] / row["texts"])


def lengths() -> str:
    """Render the newest set by length."""
    return groups("length", record()["once"]["lengths"])


def topics() -> str:
    """Render the topics of the newest set of which an emergency was missed."""
    rows = [row for row in record()["once"]["topics"] if row["noticed"] < row["texts"]]
    return table(["topic", "noticed"], [[row["group"], share(row)] for row in rows])


def others() -> str:
    """Render the kinds of other texts of the newest set that raised a notice."""
    rows = [row for row in record()["once"]["others"] if row["noticed"]]
    return table(["other texts", "noticed"], [[row["group"], share(row)] for row in rows])


def groups(head: str, rows: Sequence[Row]) -> str:
    """Render the emergencies and the other texts of each group."""
    names = dict.fromkeys(row["group"] for row in rows)
    return table(
        [head, "emergencies noticed", "other texts noticed"],
        [[name, *cells(rows, name, share)] for name in names],
    )


def thresholds() -> str:
    """Render the threshold for each number of lines."""
    limit = record()["threshold"]
    row = ["log-odds", *(f"{limit + rise:.1f}" for rise in record()["rises"])]
    return table(["lines", *LINES], [row])


def measured() -> str:
    """Render the values that are dangerous, with where their limits come from."""
    rows = tomllib.loads(FILE.read_text("utf-8"))["measurements"]
    return table(
        ["value", "dangerous", "topic", "source"],
        [
            [
                with_unit(name, next(iter(row["units"]))),
                "; ".join(dangerous(*each) for each in row["bands"].items()),
                row["topic"],
                row["source"],
            ]
            for name, row in rows.items()
        ],
    )


def with_unit(name: str, unit: str) -> str:
    return name if unit == "none" else f"{name}, {unit}"


def dangerous(group: str, bands: Sequence[Any]) -> str:
    """Render the limits of the dangerous bands of an age group."""
    limits = [f"under {bands[2]}"] if bands[1] == "very-low" else []
    limits += [f"from {bands[-3]}"] if bands[-2] == "very-high" else []
    words = " or ".join(limits)
    return words if group == "adult" else f"{group}: {words}"


def cells(rows: Sequence[Row], name: str, cell: Callable[[Row], str]) -> list[str]:
    """Render the emergencies and the other texts of a group; a dash where there are none."""
    by_label = {row["emergency"]: row for row in rows if row["group"] == name}
    return [cell(by_label[label]) if label in by_label else NONE for label in (True, False)]


def share(row: Row) -> str:
    """Render a share with its 95 % interval."""
    interval = str(wilson(row["noticed"], row["texts"])).replace("% to ", "-")
    return f"{row['noticed']}/{row['texts']}: {interval}"


BLOCKS = {
    "languages": languages,
    "shares": shares,
    "company": company,
    "known sets": known_sets,
    "lengths": lengths,
    "topics": topics,
    "others": others,
    "thresholds": thresholds,
    "measured": measured,
}
