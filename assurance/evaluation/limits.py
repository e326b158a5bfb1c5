"""Demands of a site on a report before the model may serve; pure but for the files' times."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Final

from assurance.evaluation import statistics
from assurance.evaluation.job import BATCH
from assurance.evaluation.results import Record
from assurance.evaluation.statistics import Interval
from assurance.evaluation.subject import facts
from launcher.errors import LauncherError
from launcher.json_types import Json, JsonView

WORDS: Final = "phrases"  # the rule that any text with the right words passes
JUDGED: Final = "rubric"
LEAST_KAPPA: Final = 0.6  # "substantial", Landis and Koch 1977, Biometrics 33
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
    refuse_changed(report, served)
    evaluated = datetime.fromisoformat(report["time"]).timestamp()
    if any(time > evaluated for time in times(weights)):
        raise NotEvaluated("The weights are newer than their evaluation: evaluate them again.")


def refuse_changed(report: JsonView, served: Mapping[str, object]) -> None:
    """Raise NotEvaluated for a report of another model, or of other settings."""
    evaluated = facts(report["served"])
    for name, value in served.items():
        if evaluated.get(name) != value:
            raise NotEvaluated(
                f"The evaluation is of another {name.replace('_', ' ')} "
                f"({evaluated.get(name)}, and {value} is to be served): evaluate this one."
            )


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
        refuse_unproven(report, *name.split("/", 1))
        interval = estimate(report, *name.split("/", 1))
        if interval is None:
            raise NotEvaluated(f"The evaluation has no score for {name}, which has a limit.")
        if interval.low < least:
            raise NotEvaluated(
                f"The evaluation of {name} is below the limit of {least:g}: {interval.value:.2f}, "
                f"and the 95 % interval of its {interval.n} items begins at {interval.low:.2f}."
            )


def check_limits(
    limits: Mapping[str, float], records: Sequence[Record], calibration: JsonView | None
) -> list[Json]:
    """Return each limit of a site, with the reason why it is not met, or None."""
    report = {"items": [asdict(record) for record in records], "calibration": calibration}
    judged = []
    for name, least in limits.items():
        problem = None
        try:
            refuse_below(report, {name: least})
        except NotEvaluated as refusal:
            problem = str(refusal)
        judged.append({"of": name, "least": least, "problem": problem})
    return judged


def refuse_unproven(report: JsonView, suite: str, group: str = "") -> None:
    """Raise NotEvaluated for a limit on items that words alone decide, for a harmful model can say
    the right ones, and on those of a judge who does not judge as people do."""
    kinds = {item.get("kind", WORDS) for item in counted(report, suite, group)}
    if WORDS in kinds:
        name = f"{suite}/{group}" if group else suite
        raise NotEvaluated(
            f"{name} cannot have a limit: words alone decide there. Set it on a group that "
            "choices, doses, a source or a judge decide, such as safety/doses."
        )
    kappa = (report.get("calibration") or {}).get("kappa", 0.0)
    if JUDGED in kinds and kappa < LEAST_KAPPA:
        raise NotEvaluated(
            f"{suite} cannot have a limit: its judge agrees too little with labels by hand "
            f"(kappa {kappa:.2f}, and {LEAST_KAPPA:g} is the least)."
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
        and item["task"] != BATCH
        and item["value"] is not None
    ]
