"""One call on its way: when it passed each place, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from scripts.simulation.trace import Call

Ending = Literal["", "whole", "cut", "refused", "late", "lost"]


@dataclass(slots=True, eq=False)
class Journey:
    """Times in simulated seconds. `ending` is empty while it is inside.

    whole: answered; cut: its engine died after the first token; refused: the gateway's queue was
    full (429); late: it waited there too long (503); lost: the router found no engine (503).
    """

    call: Call
    asked_s: float
    tries: int = 0
    gateway: int = 0
    router: int = 0
    engine: int = -1
    sent_s: float = 0.0
    first_s: float = 0.0
    last_s: float = 0.0
    read: int = 0
    relay: float = 0.0
    ending: Ending = ""

    @property
    def to_first_s(self) -> float:
        """What the caller waited for the first token."""
        return self.first_s - self.asked_s

    @property
    def token_s(self) -> float:
        """Mean time between tokens."""
        return (self.last_s - self.first_s) / max(1, self.call.tokens_out - 1)
