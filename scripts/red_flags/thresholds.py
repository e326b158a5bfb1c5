"""Thresholds of each language, chosen by cross-validation on the training texts alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.safety.red_flags.classifier.language import LANGUAGES
from scripts.red_flags.sources import MESSAGES, Example

SHOWN = (0.5, 0.6, 0.7, 0.75, 0.8, 0.85)
TRIED = tuple(step / 100 for step in range(50, 100))
# Share of our own other messages with a notice, at most. Texts of strangers are harder than ours:
# of the release sets three times as many were noticed. English has more lines, and more rules.
ALARMS = {"en": 0.03, "de": 0.015, "es": 0.01, "fr": 0.02}


@dataclass(frozen=True, slots=True)
class Checked:
    """Estimates of a language's own messages, by models that saw nothing of their groups."""

    language: str
    emergencies: Sequence[float]
    others: Sequence[float]

    def at(self, threshold: float) -> dict[str, Any]:
        """Return the share of notices at a threshold, in emergencies and in others."""
        return {
            "language": self.language,
            "threshold": threshold,
            "emergencies": share(self.emergencies, threshold),
            "others": share(self.others, threshold),
        }

    def chosen(self) -> dict[str, Any]:
        """Return the lowest threshold with no more than the alarms wanted."""
        most = ALARMS[self.language]
        return next(found for found in map(self.at, TRIED) if found["others"] <= most)


def checked(own: Sequence[Example], estimates: Iterable[float]) -> Iterator[Checked]:
    """Return each language's estimates: of every text the highest of its passages."""
    found: dict[tuple[str, bool], list[float]] = {
        (language, label): [] for language in LANGUAGES for label in (True, False)
    }
    for each, estimate in zip(own, estimates, strict=True):
        if each.kind in MESSAGES and each.language in LANGUAGES:
            found[each.language, each.is_emergency].append(estimate)
    for language in LANGUAGES:
        yield Checked(language, found[language, True], found[language, False])


def share(estimates: Sequence[float], threshold: float) -> float:
    """Return the share of estimates that reach a threshold."""
    return sum(one >= threshold for one in estimates) / len(estimates)
