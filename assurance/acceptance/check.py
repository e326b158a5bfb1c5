"""A check: what it measures of a running service or of a host, and the pure judgement of it."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Generic, Literal, TypeVar

from pydantic import TypeAdapter

from launcher.errors import LauncherError
from launcher.json_types import Json, JsonView

Outcome = Literal["passed", "failed", "not applicable"]
Subject = TypeVar("Subject")  # a Target, or a Host
Measured = TypeVar("Measured")


@dataclass(frozen=True, slots=True)
class Finding:
    """The verdict of one check in a sentence, what was measured, and the limit it was held to."""

    check: str
    outcome: Outcome
    sentence: str
    measured: str = ""
    limit: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A judgement: the first sentence of `faults` that is so counts; `right` where none is."""

    faults: Mapping[str, object]
    right: str
    measured: str
    limit: str


class NotApplicable(Exception):
    """A check that says nothing about this model, this plan or this run, and why."""


class Unmeasured(Exception):
    """The service did not do what the check needed; the message says what happened."""


@dataclass(frozen=True, slots=True)
class Check(Generic[Subject, Measured]):
    """One check. `measure` raises NotApplicable or Unmeasured; `judge` is pure."""

    name: str
    kind: type[Measured]
    measure: Callable[[Subject], Awaitable[Measured]]
    judge: Callable[[Measured], Verdict]

    async def run(self, subject: Subject) -> tuple[Finding, Json | None]:
        """Return the finding and the measurement as JSON; None where there is none."""
        try:
            measured = await self.measure(subject)
        except NotApplicable as reason:
            return Finding(self.name, "not applicable", f"{reason}."), None
        except Unmeasured as problem:
            return Finding(self.name, "failed", f"{problem}."), None
        except LauncherError as problem:  # the base of an adapter does not start
            return Finding(self.name, "failed", str(problem)), None
        return self.finding(measured), asdict(measured)  # type: ignore[call-overload]  # a dataclass

    def finding(self, measured: Measured) -> Finding:
        """Judge a measurement."""
        verdict = self.judge(measured)
        fault = next((sentence for sentence, is_so in verdict.faults.items() if is_so), None)
        outcome: Outcome = "failed" if fault else "passed"
        return Finding(self.name, outcome, fault or verdict.right, verdict.measured, verdict.limit)

    def recorded(self, document: JsonView) -> Finding:
        """Judge a measurement that was read back from a report."""
        return self.finding(TypeAdapter(self.kind).validate_python(dict(document)))


async def seconds_until(
    is_so: Callable[[], Awaitable[bool]], within_s: float, every_s: float, *, wanted: bool = True
) -> float | None:
    """Return the seconds until something is so, or no longer is; None after the limit."""
    began = time.monotonic()
    while await is_so() is not wanted:
        if time.monotonic() - began > within_s:
            return None
        await asyncio.sleep(every_s)
    return time.monotonic() - began
