"""CHAI's Applied Model Card (schema v0.2): its elements, and where each is filled from."""

import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from gateway.runtime.json_types import Json

SCHEMA = "https://mc.chai.org/v0.2/schema.xsd"
ELEMENTS: Mapping[str, Any] = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))
# Elements of a key metric, by the operator's name for each, and what belongs there.
METRIC = {
    "goal": ("MetricGoal", "What is measured, and why"),
    "results": ("Results", "Figures, with confidence intervals"),
    "interpretation": ("Interpretation", "What the figures mean for a user"),
    "test_type": ("TestType", "Internal, external, local or prospective"),
    "testing_data": ("TestingDataDescription", "Source, size and population of the data"),
    "validation_process": ("ValidationProcessAndJustification", "Process, and why it is adequate"),
}
Fill = Callable[[Mapping[str, Any]], object]


def operator_fields() -> dict[str, str]:
    """Return the fields that the operator's file has for this card, each with its description."""
    return {leaf["operator"]: leaf["text"] for leaf in leaves(ELEMENTS) if "operator" in leaf}


def metrics() -> list[str]:
    """Return the operator's names of the key metrics."""
    return [leaf["metric"] for leaf in leaves(ELEMENTS) if "metric" in leaf]


def leaves(table: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the description of every element."""
    for entry in table.values():
        if is_leaf(entry):
            yield entry
        else:
            yield from leaves(entry)


def is_leaf(entry: Mapping[str, Any]) -> bool:
    return not isinstance(next(iter(entry.values())), dict)


def filled(table: Mapping[str, Any], fill: Fill) -> Json:
    """Return the sections with every element filled; those of `Card` stand at the top."""
    made = {
        name: fill(entry) if is_leaf(entry) else filled(entry, fill)
        for name, entry in table.items()
        if name != "Card"
    }
    return made | (filled(table["Card"], fill) if "Card" in table else {})
