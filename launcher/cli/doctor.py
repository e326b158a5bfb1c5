"""`mmhie doctor`: check whether this configuration would start here, without a network."""

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Final, Literal

from gateway.cli.command import AsJson, put
from launcher import settings
from launcher.checkpoints import gguf, merging, preparation
from launcher.cli import self_test
from launcher.errors import LauncherError, ModelError, PlanError
from launcher.models import digests, resolve, weights
from launcher.models.facts import ModelFacts
from launcher.models.families import EMBEDDED
from launcher.planning import hardware, installation
from launcher.planning.hardware import GIB, Hardware
from launcher.planning.plan import EnginePlan, choose_device
from launcher.planning.planner import make_plan
from launcher.serving import engine_judge, environment, preflight
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
    def machine(self) -> Hardware:
        return hardware.detect()

    @cached_property
    def installed(self) -> installation.Installation:
        return installation.required()

    @cached_property
    def model(self) -> ModelFacts:
        return resolve.read_model(self.settings)

    @cached_property
    def plan(self) -> EnginePlan:
        return make_plan(self.settings, self.machine, self.model, self.installed)

    @cached_property
    def sources(self) -> list[Path]:
        """Folders and files that the engine, or the preparation of its checkpoint, reads."""
        if self.model.source == EMBEDDED:
            return [weights.embedded_file()]
        adapter = self.model.adapter
        named = [self.model.source, adapter.source if adapter else ""]
        return [local(source) for source in dict.fromkeys(filter(None, named))]

    @cached_property
    def prepared(self) -> Path | None:
        """The checkpoint that the engine loads; None when it is not there yet."""
        if self.plan.preparation is None:
            return self.sources[0]
        folder = preparation.folder_of(self.plan)
        return folder if folder.is_dir() else None

    @cached_property
    def files(self) -> list[Path]:
        """Weight files, including the adapter's and those of a finished merge."""
        merged = [self.prepared] if self.prepared and self.plan.preparation == "merge" else []
        return [file for source in (*self.sources, *merged) for file in weights_in(source)]

    @cached_property
    def self_test(self) -> self_test.Result:
        """The result of loading the vocabulary in the engine's environment."""
        folder = self.prepared or self.sources[0]
        environ = environment.for_engine(self.environ, self.plan.env, key="")
        is_judged = engine_judge.is_judged(self.plan)
        words = engine_judge.engine_words(self.plan, self.sources[0]) if is_judged else ()
        return self_test.run(folder, is_harmony=self.model.is_gpt_oss, words=words, environ=environ)


def local(source: str) -> Path:
    """Return where a model is on this machine. Raises ModelError."""
    return Path(source) if source.endswith(".gguf") else merging.local(source)


def weights_in(source: Path) -> list[Path]:
    """Return the weight files of one source; an adapter's own file has no index."""
    own = source / "adapter_model.safetensors"
    return [own] if own.is_file() else weights.check(source)


def check_settings(subject: CheckedConfiguration) -> str:
    """Validate every MMHIE_* setting, the gateway's too."""
    given = len(subject.settings.model_fields_set)
    preflight.load_gateway()
    return f"{given} of the launcher's are given; all names and values are valid."


def check_device(subject: CheckedConfiguration) -> str:
    """Find an installed vLLM, and the device for it."""
    installed = subject.installed
    device = choose_device(subject.settings, subject.machine, installed)
    gpus = ", ".join(f"{gpu.name} ({gpu.memory_gib:.0f} GiB)" for gpu in subject.machine.gpus)
    cpu = f"{subject.machine.cpus} CPU cores, {subject.machine.ram_gib:.1f} GiB of memory free"
    machine = gpus if device == "cuda" else cpu
    return f"{installed.engine} {installed.version} runs on {device}: {machine}."


def check_model(subject: CheckedConfiguration) -> str:
    """Read the model's description."""
    model = subject.model
    adapter = f", with the adapter of rank {model.adapter.rank} on it" if model.adapter else ""
    return f"{model.id}: {model.architecture}, {model.layers} layers{adapter}."


def check_plan(subject: CheckedConfiguration) -> str:
    """Plan the engine; its memory, and a package that its quantization needs, are part of it."""
    if subject.plan.warnings:
        raise CheckWarning(" ".join(subject.plan.warnings))
    memory = subject.plan.memory
    needed, available = memory.per_gpu_gib, memory.available_gib
    return f"{memory.verdict} {needed:.1f} GiB required, {available:.1f} available."


def check_weights(subject: CheckedConfiguration) -> str:
    """Compare every shard's length with its header."""
    size = sum(file.stat().st_size for file in subject.files)
    return f"{len(subject.files)} file(s), {size / GIB:.2f} GiB, nothing missing."


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
        size = sum(file.stat().st_size for file in weights_in(subject.sources[0]))
        needed += int(size * growth)
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
    test = subject.self_test
    if test.error:
        raise ModelError(f"The vocabulary does not load: {test.error.rstrip('.')}.")
    if test.refusal:
        raise PlanError(test.refusal)
    if not engine_judge.is_judged(subject.plan):
        raise CheckWarning("vLLM judges a model's own code when it starts.")
    return f"The vocabulary has {test.tokens} tokens, and vLLM takes the planned command line."


def check_network(subject: CheckedConfiguration) -> str:
    """Look for anything left to fetch."""
    if subject.files and subject.plan.env.get("HF_HUB_OFFLINE") == "1":
        return "Nothing has to be fetched: the engine does not ask the hub."
    raise ModelError("The engine would ask the model hub: run `mmhie fetch`.")


CHECKS: Final[Mapping[str, Callable[[CheckedConfiguration], str]]] = {
    "settings": check_settings,
    "device": check_device,
    "model": check_model,
    "plan": check_plan,
    "weights": check_weights,
    "digests": check_digests,
    "disk": check_disk,
    "port": check_port,
    "engine": check_engine,
    "network": check_network,
}


def run_checks(subject: CheckedConfiguration) -> Iterator[DoctorFinding]:
    """Run every check; one that fails with an earlier one's sentence is not checked."""
    reported: dict[str, str] = {}
    for name, check in CHECKS.items():
        outcome, sentence = run_check(check, subject)
        if sentence in reported:
            outcome, sentence = "not checked", f"See {reported[sentence]}."
        elif outcome == "failed":
            reported[sentence] = name
        yield DoctorFinding(name, outcome, sentence)


def run_check(
    check: Callable[[CheckedConfiguration], str], subject: CheckedConfiguration
) -> tuple[Outcome, str]:
    """Return the outcome of one check, and its sentence."""
    try:
        return "ok", check(subject)
    except CheckWarning as warning:
        return "warning", str(warning)
    except LauncherError as error:
        return "failed", str(error)


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
