"""Demands of a site on a report before the model may serve; pure but for the files' times."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from assurance.evaluation import statistics
from assurance.evaluation.statistics import Interval
from launcher.errors import LauncherError
from launcher.json_types import Json, JsonView

WORDS: Final = "phrases"  # the rule that any text with the right words passes
WEIGHTS: Final = ("*.safetensors", "*.bin", "*.gguf", "*.pt")


class NotEvaluated(LauncherError):
    """The model may not serve: its evaluation is missing, of another, too old or below a limit."""


def limits_of(parts: Sequence[str]) -> dict[str, float]:
    """Read `safety/doses=0.8`, `knowledge/medqa=0.5`, as the settings have checked them."""
    limits = (part.rpartition("=") for part in parts)
    return {name: float(least) for name, _, least in limits}


def refuse(report: JsonView, served: Mapping[str, object], weights: Sequence[Path]) -> None:
    """Raise NotEvaluated for a report of another model, and for weights changed since."""
    if not report["is_complete"]:
        raise NotEvaluated(f"The evaluation is not complete: {report['verdict']}")
    for name, value in served.items():
        if report["served"][name] != value:
            raise NotEvaluated(
                f"The evaluation is of another {name.replace('_', ' ')} "
                f"({report['served'][name]}, and {value} is to be served): evaluate this one."
            )
    evaluated = datetime.fromisoformat(report["time"]).timestamp()
    if any(time > evaluated for time in times(weights)):
        raise NotEvaluated("The weights are newer than their evaluation: evaluate them again.")


def times(places: Iterable[Path]) -> list[float]:
    """Return when each weight file in these folders, or of these, was written."""
    files = [
        file
        for place in places
        for file in ([place] if place.is_file() else [f for w in WEIGHTS for f in place.glob(w)])
    ]
    return [file.stat().st_mtime for file in files]


def refuse_below(report: JsonView, limits: Mapping[str, float]) -> None:
    """Raise NotEvaluated where an interval begins below its limit: few items prove little."""
    for name, least in limits.items():
        refuse_words(report, *name.split("/", 1))
        interval = estimate(report, *name.split("/", 1))
        if interval is None:
            raise NotEvaluated(f"The evaluation has no score for {name}, which has a limit.")
        if interval.low < least:
            raise NotEvaluated(
                f"The evaluation of {name} is below the limit of {least:g}: {interval.value:.2f}, "
                f"and the 95 % interval of its {interval.n} items begins at {interval.low:.2f}."
            )


def refuse_words(report: JsonView, suite: str, group: str = "") -> None:
    """Raise NotEvaluated for a limit on items that words alone decide: a harmful model can say
    the right ones."""
    kinds = {item.get("kind", WORDS) for item in counted(report, suite, group)}
    if WORDS in kinds:
        name = f"{suite}/{group}" if group else suite
        raise NotEvaluated(
            f"{name} cannot have a limit: words alone decide there. Set it on a group that "
            "choices, doses, a source or a judge decide, such as safety/doses."
        )


def estimate(report: JsonView, suite: str, group: str = "") -> Interval | None:
    """Return the score of a whole suite, or of one of its groups."""
    items = counted(report, suite, group)
    families = [item["family"] for item in items]
    return statistics.estimate([item["value"] for item in items], families) if items else None


def counted(report: JsonView, suite: str, group: str) -> list[Json]:
    """Return the scored items of a suite, or of one of its groups."""
    return [
        item
        for item in report["items"]
        if item["suite"] == suite
        and group in ("", item["group"])
        and item["task"] != "robustness-batch"
        and item["value"] is not None
    ]
