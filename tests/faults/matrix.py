"""Every fault of the engine, and what each of five surfaces makes of it, as one table."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from tests.contract.doors import CHAT, DOORS, GENERATE, Door

TIMEOUT_S: Final = 0.5  # MMHIE_TIMEOUT_SECONDS of the gateways that the table is tried on
SURFACES: Final[tuple[Door, ...]] = tuple(d for d in DOORS if d.path in (GENERATE, CHAT))

WHOLE: Final = "whole"
CUT, GARBLED, REJECTED = "engine_cut", "engine_garbled", "engine_rejected"
TIMEOUT, UNAVAILABLE, NO_ANSWER = "engine_timeout", "engine_unavailable", "no_answer"

# What the engine is left with: work that was called off, work that is over, or it never began.
Work = Literal["aborted", "over", "none"]
# Who misbehaves: an engine that answers, one that can be killed and stopped, or nobody is there.
Where = Literal["here", "mortal", "nobody", "no socket"]


@dataclass(frozen=True, slots=True)
class Row:
    """One fault: how it is provoked, what each surface says, by when, what the engine does then.

    `cells` are in the order of SURFACES: a status with its code, `whole`, or `in band` and a code.
    """

    cells: tuple[str, ...]
    faults: tuple[Mapping[str, Any], ...] = ()
    work: Work = "over"
    within_s: float = 3.0
    where: Where = "here"
    model_work: Mapping[str, Work] = field(default_factory=dict)

    def cell(self, door: Door) -> str:
        return self.cells[SURFACES.index(door)]

    def left(self, door: Door) -> Work:
        """What the engine is left with, where one surface differs."""
        return self.model_work.get(door.name, self.work)


def everywhere(said: str) -> tuple[str, ...]:
    """Before the first byte: the same on every surface."""
    return (said,) * len(SURFACES)


def midway(code: str, *, whole: str | None = None, status: int = 502) -> tuple[str, ...]:
    """After the first byte: in band on a stream, a status where the answer is one piece; `whole`
    is what the one piece of /v1 gets when the fault looks different there."""
    json_, band = f"{status} {code}", f"in band {code}"
    return (json_, band, band, band, whole or json_)


def fault(name: str, **knobs: Any) -> tuple[Mapping[str, Any], ...]:
    return ({"fault": name, **knobs},)


def status(number: int, body: str = "", media: str = "application/json") -> Any:
    return fault("status", status=number, body=body, content_type=media)
