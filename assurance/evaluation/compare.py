"""Two reports on the same items: paired tests, and how many answers are the same. Pure."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from assurance.evaluation.job import BATCH
from assurance.evaluation.results import HALF
from assurance.evaluation.statistics import (
    LEVEL,
    Interval,
    Z,
    apart,
    detectable,
    holm,
    mcnemar,
    wilson,
)
from assurance.evaluation.subject import facts
from launcher.errors import LauncherError
from launcher.json_types import JsonView

Report = JsonView
Pair = tuple[JsonView, JsonView]
Scores = tuple[float, float]
Likeness = Mapping[tuple[str, str], bool]


class NotComparable(LauncherError):
    """The reports do not have the same items."""


@dataclass(frozen=True, slots=True)
class Contrast:
    """One suite in both reports: items that one of them alone had right, and the test's p."""

    suite: str
    n: int
    only_first: int
    only_second: int
    p: float
    p_adjusted: float

    @property
    def largest_loss(self) -> float:
        """Right answers that the second has lost, as a share: the upper end of its interval."""
        share = (self.only_first - self.only_second) / self.n
        spread = (self.only_first + self.only_second + 1) / self.n - share * share
        return share + Z * math.sqrt(spread / self.n)

    @property
    def is_different(self) -> bool:
        return self.p_adjusted < LEVEL


@dataclass(frozen=True, slots=True)
class Comparison:
    """`same` is the share of equal answers; `baseline` that of the first service with itself, in
    its repeated report or else alone and in a batch.

    `p_same` tests, with a repeated report, the items that only the one and only the other of the
    two has as the first has them. `differs_in` names the facts that are not the same of both:
    a difference in answers is expected there, and no proof of damage. `unscored` names the suites
    of which the second has no score for some item that the first has one for: what it lost there
    is not known, and no margin holds.
    """

    contrasts: tuple[Contrast, ...]
    same: Interval | None
    baseline: Interval | None
    p_same: float | None = None
    differs_in: tuple[str, ...] = ()
    unscored: tuple[str, ...] = ()

    @property
    def is_told_apart(self) -> bool:
        """Right answers differ, or fewer answers are the same than the service repeats itself."""
        if any(contrast.is_different for contrast in self.contrasts):
            return True
        if self.p_same is not None:
            return self.p_same < LEVEL
        return bool(self.same and self.baseline and apart(self.same, self.baseline))

    @property
    def sentence(self) -> str:
        """The outcome for a person."""
        worse = [contrast.suite for contrast in self.contrasts if contrast.is_different]
        if worse:
            return f"The two differ in what they have right: {', '.join(worse)}."
        if self.is_told_apart:
            return "The two are not the same service: their answers differ more than by chance."
        return (
            f"Cannot tell at this size: a difference below {self.detectable:.0%} of right answers "
            f"would not have been found.{self.unlike}"
        )

    @property
    def unlike(self) -> str:
        """Say how many answers are others, which alone proves nothing."""
        if not self.same or self.same.value == 1:
            return ""
        return (
            f" {1 - self.same.value:.0%} of the answers are others: a second report of the first "
            "service (--repeated) shows whether that is chance."
        )

    @property
    def detectable(self) -> float:
        """The smallest difference that the largest suite would have shown four times in five."""
        return min(
            (
                detectable(contrast.only_first + contrast.only_second, contrast.n)
                for contrast in self.contrasts
            ),
            default=1.0,
        )

    def is_within(self, margin: float) -> bool:
        """Return whether the second is shown to be at most so much worse, in every suite."""
        is_whole = bool(self.contrasts) and not self.unscored
        return is_whole and all(contrast.largest_loss < margin for contrast in self.contrasts)


def compared(first: Report, second: Report, repeated: Report | None = None) -> Comparison:
    """Compare two reports; `repeated` is another one of the first service. Raises NotComparable."""
    pairs = paired(first, second)
    tests = {suite: of(suite, members) for suite, members in by_suite(pairs).items()}
    adjusted = holm({suite: counts[-1] for suite, counts in tests.items()})
    contrasts = tuple(Contrast(*counts, adjusted[suite]) for suite, counts in tests.items())
    ours, theirs = facts(first["served"]), facts(second["served"])
    differs = tuple(name for name in {**ours, **theirs} if ours.get(name) != theirs.get(name))
    comparison = Comparison(
        contrasts, None, baseline(first), None, differs, unscored(first, second)
    )
    if first["digests"] != second["digests"]:
        return comparison
    alike = likeness(pairs)
    if repeated is None or repeated["digests"] != first["digests"]:
        return replace(comparison, same=share(alike))
    again = likeness(paired(first, repeated))
    p_same = repetition(again, alike)
    return replace(comparison, same=share(alike), baseline=share(again), p_same=p_same)


def unscored(first: Report, second: Report) -> tuple[str, ...]:
    """Return the suites with an item that the first report alone has a score of."""
    known = {name_of(item) for item in second["items"] if item["value"] is not None}
    scored = (item for item in first["items"] if item["value"] is not None)
    lost = [item["suite"] for item in scored if name_of(item) not in known]
    return tuple(dict.fromkeys(lost))


def repetition(again: Likeness, other: Likeness) -> float:
    """Return McNemar's p of the items that only one of two reports answers as the first does."""
    both = [(again[name], other[name]) for name in again.keys() & other.keys()]
    return mcnemar(sum(a and not b for a, b in both), sum(b and not a for a, b in both))


def paired(first: Report, second: Report) -> list[Pair]:
    """Return the items that both reports asked. Raises NotComparable."""
    refuse_others(first, second)
    known = {name_of(item): item for item in second["items"]}
    pairs = [(item, known[name_of(item)]) for item in first["items"] if name_of(item) in known]
    if not pairs:
        raise NotComparable("The two reports have no item in common.")
    return pairs


def name_of(item: JsonView) -> tuple[str, str]:
    """Return what tells an item from all others of a report."""
    return item["task"], item["id"]


def refuse_others(first: Report, second: Report) -> None:
    """Raise NotComparable where a source that both name is not the same, or how it was asked."""
    digests = {(source["suite"], source["name"]): source["sha256"] for source in second["sources"]}
    for source in first["sources"]:
        if digests.get((source["suite"], source["name"]), source["sha256"]) != source["sha256"]:
            raise NotComparable(f"The two reports have different items of {source['name']}.")
    if first["asking"].get("effort") != second["asking"].get("effort"):
        raise NotComparable("The two reports were asked with a different --effort.")


def by_suite(pairs: Sequence[Pair]) -> dict[str, list[Scores]]:
    """Return the scores of each suite that both reports have: wordings of a question are one item,
    and robustness counts what was asked alone."""
    suites: dict[str, dict[tuple[str, str], list[Scores]]] = {}
    for first, second in pairs:
        if first["task"] != BATCH and first["value"] is not None and second["value"] is not None:
            families = suites.setdefault(first["suite"], {})
            name = (first["task"], first["family"] or first["id"])
            families.setdefault(name, []).append((first["value"], second["value"]))
    return {suite: [means(of) for of in families.values()] for suite, families in suites.items()}


def means(scores: Sequence[Scores]) -> Scores:
    """Return the mean score in each report."""
    return fmean(first for first, _ in scores), fmean(second for _, second in scores)


def of(suite: str, pairs: Sequence[Scores]) -> tuple[str, int, int, int, float]:
    """Return one suite's discordant items and its p value, not adjusted."""
    right = [(score >= HALF, other >= HALF) for score, other in pairs]
    first = sum(here and not there for here, there in right)
    second = sum(there and not here for here, there in right)
    return suite, len(pairs), first, second, mcnemar(first, second)


def likeness(pairs: Sequence[Pair]) -> dict[tuple[str, str], bool]:
    """Return for each item that both answered whether the answers are the same."""
    return {
        name_of(item): item["digest"] == other["digest"]
        for item, other in pairs
        if item["digest"] and other["digest"]
    }


def share(alike: Likeness) -> Interval | None:
    """Return the share of items with the same answer."""
    return wilson(sum(alike.values()), len(alike))


def baseline(report: Report) -> Interval | None:
    """Return how often the service repeats itself, alone and in a batch."""
    for entry in report["agreement"]:
        if entry["of"] == "alone and in a full batch":
            return Interval(**entry["agreement"])
    return None
