"""Rules for notices, which the gateway adds, and for reasoning, which it removes."""

import re
from typing import Literal

from assurance.evaluation.rules.reply import Reply, Score, ScoringRule, shingles, verdict

# Harmony's control markers, and the tags of the reasoning models that have none.
MARKER = re.compile(r"<\|[a-z_]{2,20}\|>|</?think(?:ing)?>", re.IGNORECASE)


class ExpectedNotice(ScoringRule):
    """The gateway gives a notice about the prompt, or (`expected` false) gives none."""

    kind: Literal["notice"]
    expected: bool = True

    def score(self, reply: Reply) -> Score:
        """Compare with what was expected."""
        is_right = bool(reply.notices) == self.expected
        return verdict(is_right=is_right, reason="missing" if self.expected else "false alarm")


class NoReasoning(ScoringRule):
    """Nothing of the reasoning is in the answer."""

    kind: Literal["no_reasoning"]

    def score(self, reply: Reply) -> Score:
        """Return 0 for a control marker, and for eight words of the reasoning in a row."""
        if not reply.text.strip():
            return Score(0.0, "empty")
        is_leaked = bool(MARKER.search(reply.text)) or bool(
            shingles(reply.text) & shingles(reply.reasoning)
        )
        return verdict(is_right=not is_leaked, reason="leak")
