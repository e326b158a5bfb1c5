"""A check: what it measures of a running service, and the pure judgement of it."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Generic, Literal, TypeVar

from assurance.acceptance.target import Target, Unmeasured
from launcher.json_types import Json

Outcome = Literal["passed", "failed", "not applicable"]
Measured = TypeVar("Measured")


@dataclass(frozen=True, slots=True)
class Finding:
    """Outcome of one check in a sentence, what was measured, and the limit for it."""

    check: str
    outcome: Outcome
    sentence: str
    measured: str = ""
    limit: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A judgement: the sentence of the first fault that is true, or `right` if none is."""

    faults: Mapping[str, object]
    right: str
    measured: str
    limit: str


class NotApplicable(Exception):
    """The check does not apply to this model or service; the message is the reason."""


@dataclass(frozen=True, slots=True)
class Check(Generic[Measured]):
    """One check. `measure` raises NotApplicable or Unmeasured; `judge` is pure."""

    name: str
    measure: Callable[[Target], Awaitable[Measured]]
    judge: Callable[[Measured], Verdict]

    async def run(self, target: Target) -> tuple[Finding, Json | None]:
        """Return the finding and the measurement as JSON; None where there is none."""
        try:
            measured = await self.measure(target)
        except NotApplicable as reason:
            return Finding(self.name, "not applicable", f"{reason}."), None
        except Unmeasured as problem:
            return Finding(self.name, "failed", f"{problem}."), None
        return self.finding(measured), asdict(measured)  # type: ignore[call-overload]  # a dataclass

    def finding(self, measured: Measured) -> Finding:
        """Judge a measurement."""
        verdict = self.judge(measured)
        fault = next((sentence for sentence, is_so in verdict.faults.items() if is_so), None)
        outcome: Outcome = "failed" if fault else "passed"
        return Finding(self.name, outcome, fault or verdict.right, verdict.measured, verdict.limit)


@dataclass(frozen=True, slots=True)
class SurveyAnswer:
    """One request of a check: its status, the one that it should have, and what it lacks."""

    name: str
    status: int
    expected: int
    lacks: str = ""

    @property
    def fault(self) -> str:
        """Describe what is wrong; empty when nothing is."""
        if self.status != self.expected:
            return f"{self.name} ({self.status}, not {self.expected})"
        return f"{self.name} (no {self.lacks})" if self.lacks else ""


@dataclass(frozen=True, slots=True)
class Survey:
    """Requests of which each must be answered as documented."""

    answers: tuple[SurveyAnswer, ...]

    def judge(self, fault: str, right: str, limit: str) -> Verdict:
        """Name the requests with a fault."""
        wrong = [answer.fault for answer in self.answers if answer.fault]
        count = len(self.answers)
        faults = {f"{fault}: {'; '.join(wrong)}.": wrong}
        return Verdict(faults, right.format(count), f"{count - len(wrong)} of {count}", limit)


async def seconds_until(
    is_so: Callable[[], Awaitable[bool]], within_s: float, every_s: float, *, wanted: bool = True
) -> float | None:
    """Return the seconds until a condition is true, or false; None after the limit."""
    began = time.monotonic()
    while await is_so() is not wanted:
        if time.monotonic() - began > within_s:
            return None
        await asyncio.sleep(every_s)
    return time.monotonic() - began
