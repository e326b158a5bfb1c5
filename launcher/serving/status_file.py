"""The status file: the engine's phase and facts, which the gateway reads for /healthz."""

import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from launcher.json_types import Json
from launcher.models import digests
from launcher.models.families import DISPLAY_NAMES
from launcher.planning.engine_command import is_by_priority
from launcher.planning.plan import EnginePlan
from launcher.process.restarts import Clock

PhaseName = Literal["starting", "loading", "ready", "draining", "engine_down", "stalled"]
ENGINE_DATE: Final = "VLLM_SYSTEM_START_DATE"  # vLLM's: the date in gpt-oss's prompts
# Cleaners of temporary files delete what has not been touched for days.
REWRITE_S = 5.0


@dataclass(frozen=True, slots=True)
class Phase:
    """The engine's state: a name, a sentence, and the share of the start that is done."""

    name: PhaseName
    detail: str
    progress: float | None = None


def engine_facts(plans: Sequence[EnginePlan], environ: Mapping[str, str]) -> Json:
    """Return what stays the same while an engine runs its plan, of the first of several equal ones,
    which inherit this environment. Of engines that run elsewhere, little is known."""
    if not plans:
        return {"engine": {"name": "vllm"}, "model": {}, "warnings": ()}
    plan, adapter = plans[0], plans[0].model.adapter
    settings = plan.settings
    return {
        "engine": {"name": "vllm", "version": plan.installed.version},
        "model": {
            "id": plan.model.id,
            "display_name": DISPLAY_NAMES.get(plan.model.id),
            "base": adapter.base if adapter else None,
            "adapter": adapter.id if adapter else None,
            "adapter_sha256": digests.find_adapter_digest(adapter) if adapter else None,
            "revision": adapter.revision if adapter else plan.model.revision,
            "base_revision": plan.model.revision if adapter else None,
            "quantization": plan.quantization.name,
            "dtype": plan.dtype,
            "max_model_len": plan.context.max_model_len,
            "chat_template": plan.model.chat_template,
            "reasoning": plan.model.reasoning,
            "reasoning_budget": "--reasoning-config" in plan.argv,
            "pinned_date": (environ.get(ENGINE_DATE) or None) if plan.model.is_gpt_oss else None,
            "priority": is_by_priority(plan.argv),
            "device": plan.device,
            "test_override": settings.reasoner_model_test_override is not None,
        },
        "warnings": plan.warnings,
    }


class StatusFile:
    """A JSON file that is replaced as a whole when the phase changes, and every few seconds."""

    def __init__(self, path: Path, facts: Json, clock: Clock = time.monotonic) -> None:
        self.facts = facts
        self._path = path
        self._clock = clock
        self._written: tuple[Phase, Json] | None = None
        self._written_at = 0.0
        self._problem = ""

    def write(self, phase: Phase) -> str:
        """Publish the phase; return a problem in a sentence, once.

        On a full disk the old content stays, and the next call tries again.
        """
        now, status = self._clock(), (phase, self.facts)
        if status == self._written and now - self._written_at < REWRITE_S:
            return ""
        fields = {"phase": phase.name, "progress": phase.progress, "detail": phase.detail}
        draft = self._path.with_name(f".{self._path.name}.new")
        before, self._problem = self._problem, ""
        try:  # a reader sees the old content or the new, never a part of it
            draft.write_text(json.dumps(fields | self.facts))
            os.replace(draft, self._path)
        except OSError as error:
            self._problem = f"{self._path} cannot be written: {error.strerror}."
            return self._problem if self._problem != before else ""
        self._written, self._written_at = status, now
        return ""
