"""The contribution of each rule: the texts that it notices, and those that nothing else would."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gateway.safety.red_flags.classifier.features import bounded
from gateway.safety.red_flags.rules import RULES
from gateway.safety.red_flags.screening import VITAL_SIGNS, Policy, Reading, raised


def contributions(texts: Iterable[tuple[str, bool]], policy: Policy) -> list[dict[str, Any]]:
    """Return, for each rule, how many emergencies and other texts it notices; `alone` where neither
    another rule nor the classifier does."""
    names = [*(rule.id for rule in RULES), VITAL_SIGNS]
    rows: dict[str, dict[str, Any]] = {
        name: {"rule": name, "right": 0, "wrong": 0, "right_alone": 0, "wrong_alone": 0}
        for name in sorted(names)
    }
    for text, is_emergency in texts:
        found = [name for name in raised([text], policy).in_messages if name in rows]
        side = "right" if is_emergency else "wrong"
        for name in found:
            rows[name][side] += 1
        if len(found) == 1 and not is_likely(text, policy):
            rows[found[0]][f"{side}_alone"] += 1
    return list(rows.values())


def is_likely(text: str, policy: Policy) -> bool:
    """Return whether the classifier alone raises a notice."""
    return Reading.of(bounded(text)).is_likely(policy)
