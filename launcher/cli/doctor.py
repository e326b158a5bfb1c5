"""`mmhie doctor`: check whether this configuration would start here, without a network."""

import asyncio
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Final, Literal

from gateway.cli.command import AsJson, put
from launcher import settings
from launcher.checkpoints import gguf, preparation
from launcher.cli.plan import describe_hardware
from launcher.errors import LauncherError, ModelError
from launcher.models import digests, resolve, weights
from launcher.models.families import EMBEDDED
from launcher.planning import hardware, installation
from launcher.planning.hardware import GIB
from launcher.planning.plan import EnginePlan, choose_device
from launcher.planning.planner import make_plan
from launcher.serving import engine_judge, preflight
from launcher.settings import LauncherSettings

Outcome = Literal["ok", "warning", "failed", "not checked"]
MARKS: Final = {"ok": "ok", "warning": "warning", "failed": "FAILED", "not checked": "-"}
MERGED_SIZE: Final = 1.02  # of the parts together


@dataclass(frozen=True, slots=True)
class DoctorFinding:
    """The outcome of one check, with a sentence."""

    check: str
    outcome: Outcome
    sentence: str


class CheckWarning(Exception):
    """A finding that does not keep the engine from starting."""


class Unhealthy(LauncherError):
    """At least one check failed."""


class CheckedConfiguration:
    """The configuration to check; each part is read once, and raises LauncherError if it fails."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ

    @cached_property
    def settings(self) -> LauncherSettings:
        return settings.load(self.environ)

    @cached_property
    def plan(self) -> EnginePlan:
        model = resolve.read_model(self.settings)
        return make_plan(self.settings, hardware.detect(), model, installation.required())

    @cached_property
    def prepared(self) -> Path | None:
        """The checkpoint that the engine loads; None when it is not there yet."""
        if self.plan.preparation is None:
            return Path(self.plan.model.source)
        folder = preparation.folder_of(self.plan)
        return folder if folder.is_dir() else None

    @cached_property
    def files(self) -> list[Path]:
        """Weight files of the model, of its adapter, and of a finished merge."""
        model = self.plan.model
        if model.source == EMBEDDED:
            return weights.check(weights.embedded_file())
        sources = {model.source: None, model.adapter.source if model.adapter else "": None}
        if self.plan.preparation == "merge":
            sources[str(self.prepared or "")] = None
        return [file for source in filter(None, sources) for file in weights.check(Path(source))]


def check_settings(subject: CheckedConfiguration) -> str:
    """Validate every MMHIE_* setting, the gateway's too."""
    given = len(subject.settings.model_fields_set)
    preflight.load_gateway()
    return f"{given} of the launcher's are given; all names and values are valid."


def check_device(subject: CheckedConfiguration) -> str:
    """Find an installed vLLM, and the device for it."""
    chosen, installed, machine = subject.settings, installation.required(), hardware.detect()
    device = choose_device(chosen, machine, installed).device
    used = describe_hardware(machine if device == "cuda" else replace(machine, gpus=()))
    return f"{installed.engine} {installed.version} runs on {device}: {used}."


def check_plan(subject: CheckedConfiguration) -> str:
    """Plan the engine; its memory, and a package that its quantization needs, are part of it."""
    plan = subject.plan
    if plan.warnings:
        raise CheckWarning(" ".join(plan.warnings))
    needed, available = plan.memory.per_gpu_gib, plan.memory.available_gib
    required = f"{needed:.1f} GiB required, {available:.1f} available"
    return f"{plan.model.id}: {plan.memory.verdict} {required}."


def check_weights(subject: CheckedConfiguration) -> str:
    """Compare every shard's length with its header; what is missing would have to be fetched."""
    size = sum(file.stat().st_size for file in subject.files)
    return f"{len(subject.files)} file(s), {size / GIB:.2f} GiB: nothing has to be fetched."


def check_digests(subject: CheckedConfiguration) -> str:
    """Compare the files with the digests recorded by the hub, a merge or a package."""
    known = digests.find_recorded(subject.files)
    if wrong := digests.find_damaged(known):
        names = ", ".join(file.name for file in wrong)
        raise ModelError(f"{names} changed since it was recorded: fetch it again.")
    if unknown := len(subject.files) - len(known):
        raise CheckWarning(f"No SHA-256 was recorded for {unknown} file(s): nothing to compare.")
    return f"The SHA-256 of {len(known)} file(s) matches the recorded one."


def check_disk(subject: CheckedConfiguration) -> str:
    """Find room for logs, and for the checkpoint that has to be made first."""
    needed = preflight.LOG_ROOM_BYTES
    if subject.plan.preparation is not None and subject.prepared is None:
        growth = MERGED_SIZE if subject.plan.preparation == "merge" else gguf.GROWTH
        needed += int(sum(file.stat().st_size for file in subject.files) * growth)
    free = preflight.check_room(subject.settings.cache_dir, needed)
    return f"{free / GIB:.1f} GiB are free and {needed / GIB:.1f} are needed."


def check_port(subject: CheckedConfiguration) -> str:
    """Bind the gateway's port."""
    preflight.check_port(subject.settings.host, subject.settings.port)
    return f"{subject.settings.host}:{subject.settings.port} is free."


def check_engine(subject: CheckedConfiguration) -> str:
    """Load the vocabulary, and have the installed vLLM build its configuration from the plan."""
    if subject.prepared is None and subject.plan.preparation in ("embedded", "dequantize"):
        raise CheckWarning("The checkpoint is made at the first start, and judged by vLLM then.")
    vocabulary = str(subject.prepared or subject.plan.model.source)
    asyncio.run(engine_judge.judge(subject.plan, subject.environ, vocabulary))
    if not engine_judge.is_judged(subject.plan):
        raise CheckWarning("vLLM judges a model's own code when it starts.")
    return "The vocabulary loads, and vLLM takes the planned command line."


CHECKS: Final[Mapping[str, Callable[[CheckedConfiguration], str]]] = {
    "settings": check_settings,
    "device": check_device,
    "plan": check_plan,
    "weights": check_weights,
    "digests": check_digests,
    "disk": check_disk,
    "port": check_port,
    "engine": check_engine,
}


def run_checks(subject: CheckedConfiguration) -> Iterator[DoctorFinding]:
    """Run every check; one that fails with an earlier one's sentence is not checked."""
    reported: dict[str, str] = {}
    for name, check in CHECKS.items():
        try:
            yield DoctorFinding(name, "ok", check(subject))
        except CheckWarning as warning:
            yield DoctorFinding(name, "warning", str(warning))
        except LauncherError as error:
            earlier = reported.setdefault(str(error), name)
            is_first = earlier == name
            sentence = str(error) if is_first else f"See {earlier}."
            yield DoctorFinding(name, "failed" if is_first else "not checked", sentence)


def doctor(as_json: AsJson = False) -> None:
    """Check settings, plan, weights, disk, port and the engine's view of it; start nothing."""
    findings: list[DoctorFinding] = []
    for finding in run_checks(CheckedConfiguration(os.environ)):
        findings.append(finding)
        if not as_json:
            line = f"{MARKS[finding.outcome]:<7}  {finding.check:<10}  {finding.sentence}\n"
            sys.stdout.write(line)
            sys.stdout.flush()
    failed = [finding.check for finding in findings if finding.outcome == "failed"]
    if as_json or not failed:
        document = {"checks": [asdict(finding) for finding in findings]}
        sentence = f"{len(findings)} checks, none failed: `mmhie serve` can start."
        put(sentence, document, as_json=as_json)
    if failed:
        raise Unhealthy(f"{len(failed)} of {len(findings)} checks failed: {', '.join(failed)}.")
