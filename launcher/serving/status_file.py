"""The phase file: what the launcher knows of the engine, for the gateway's /healthz."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from launcher.planning.engine_command import is_by_priority
from launcher.planning.plan import EnginePlan
from launcher.settings import ENGINE_DATE

Name = Literal["starting", "loading", "ready", "draining", "engine_down", "stalled"]
HEARTBEAT_S = 5.0


@dataclass(frozen=True, slots=True)
class Phase:
    """One moment of the engine's life: a name, a share of the start done, a sentence."""

    name: Name
    detail: str
    progress: float | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """What stays the same as long as the launcher runs, as the phase file shows it."""

    engine: dict[str, object]
    model: dict[str, object]
    warnings: tuple[str, ...] = ()


def facts(plan: EnginePlan, *, engine_version: str | None, test_override: bool) -> Facts:
    """The unchanging part, from the plan."""
    adapter = plan.model.adapter
    return Facts(
        engine={"name": "vllm", "version": engine_version},
        model={
            "id": plan.served_model,
            "base": adapter.base if adapter else None,
            "adapter": plan.adapter,
            "revision": plan.model.revision,
            "quantization": plan.quantization,
            "dtype": plan.dtype,
            "max_model_len": plan.max_model_len,
            "chat_template": plan.model.chat_template,
            "reasoning": plan.model.reasoning,
            "reasoning_budget": "--reasoning-config" in plan.argv,
            "pinned_date": plan.env.get(ENGINE_DATE),
            "priority": is_by_priority(plan.argv),
            "device": plan.device,
            "test_override": test_override,
        },
        warnings=plan.warnings,
    )


class StatusFile:
    """Written anew, whole, when the phase changes and every few seconds besides."""

    def __init__(
        self,
        path: Path,
        facts: Facts,
        clock: Callable[[], float] = time.time,
        counter: Callable[[], float] = time.monotonic,
    ) -> None:
        """`clock` tells the time of day, `counter` only ever counts on."""
        self.path = path
        self._facts = facts
        self._clock = clock
        self._counter = counter
        self._last: Phase | None = None
        self._written = 0.0
        self._trouble = ""

    def write(self, phase: Phase) -> str:
        """A reader sees the old content or the new, never a part. On a full disk the old stays and
        the next call tries again, since the engine has no part in it; returns what is wrong, once.
        """
        now = self._counter()
        if phase == self._last and now - self._written < HEARTBEAT_S:
            return ""
        try:
            self._replace(json.dumps(content(phase, self._facts, self._clock())))
        except OSError as error:
            return self._once(f"{self.path} cannot be written: {error.strerror}.")
        self._last, self._written = phase, now
        return self._once("")

    def _once(self, trouble: str) -> str:
        before, self._trouble = self._trouble, trouble
        return trouble if trouble != before else ""

    def _replace(self, text: str) -> None:
        beside = self.path.with_name(f".{self.path.name}.new")
        beside.write_text(text)
        os.replace(beside, self.path)


def content(phase: Phase, facts: Facts, now: float) -> dict[str, object]:
    """The file's JSON; `updated` is in seconds since 1970."""
    return {
        "phase": phase.name,
        "progress": phase.progress,
        "detail": phase.detail,
        "engine": facts.engine,
        "model": facts.model,
        "warnings": list(facts.warnings),
        "updated": now,
    }
