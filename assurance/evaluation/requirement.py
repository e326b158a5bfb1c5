"""The evaluation that a service must have before it starts."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from assurance.evaluation import limits
from assurance.evaluation.limits import NotEvaluated
from assurance.evaluation.report import SIGNATURE
from gateway.settings import gateway
from gateway.settings.answering import answering
from launcher.checkpoints.preparation import Plans
from launcher.json_types import Json, JsonView
from launcher.serving.status_file import engine_facts
from launcher.settings import LauncherSettings

Report = JsonView
# The report's names of facts, and the plan's.
FACTS: Final = {
    "model": "id",
    "revision": "revision",
    "base": "base",
    "base_revision": "base_revision",
    "adapter": "adapter",
    "adapter_digest": "adapter_sha256",
    "quantization": "quantization",
}


def demanded(settings: LauncherSettings, key: Callable[[], str | None]) -> Report | None:
    """Return the report that the settings demand, if they do, within their limits and of a service
    with the gateway's settings.

    `key` reads the key it was signed with. Raises NotEvaluated, and ReportDamaged.
    """
    if settings.require_evaluation is None:
        return None
    report = read(settings.require_evaluation, key())
    limits.refuse_below(report, limits.limits_of(settings.evaluation_limits))
    limits.refuse_changed(report, answering(gateway.load()))
    return report


def refuse_others(report: Report | None, original: Plans, prepared: Plans) -> None:
    """Raise NotEvaluated where the report is not of what is served. The weights' time is that of
    the files as they came: what is converted from them is as new as the cache."""
    if report is not None:
        weights = [Path(plan.model.source) for plan in original[:1]]
        limits.refuse(report, served_by(prepared), weights)


def read(file: Path, key: str | None) -> Json:
    """Return a genuine report. Raises NotEvaluated, ReportDamaged."""
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        raise NotEvaluated(
            f"The evaluation {file}, which MMHIE_REQUIRE_EVALUATION names, cannot be read: run "
            "`mmhie evaluate` once without that setting."
        ) from None
    return SIGNATURE.verify(text, key)


def served_by(plans: Plans) -> Mapping[str, object]:
    """Return what these plans will serve, as the report has it."""
    facts = engine_facts(plans)
    told = {name: facts.model.get(of) for name, of in FACTS.items()}
    if digest := told["adapter_digest"]:
        told["adapter_digest"] = f"sha256:{digest}"  # as in provenance
    return {**told, "engine_version": facts.engine.get("version")}
