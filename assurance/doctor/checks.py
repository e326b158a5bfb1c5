"""Checks of `mmhie doctor`: settings, engine, weights, memory, disk, port, vocabulary, network."""

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import Thread
from typing import Final, Literal

from assurance.doctor import self_test
from assurance.doctor.self_test import Result
from launcher import settings
from launcher.checkpoints import gguf, merging, preparation
from launcher.errors import LauncherError, ModelError
from launcher.formats import FORMATS, PLUGINS
from launcher.models import digests, resolve, weights
from launcher.models.facts import ModelFacts
from launcher.models.families import EMBEDDED
from launcher.planning import decisions, hardware, installation
from launcher.planning.hardware import GIB, Hardware
from launcher.planning.plan import EnginePlan, make_plan
from launcher.serving import environment, preflight
from launcher.settings import LauncherSettings

PATIENCE_S: Final = 10.0
Outcome = Literal["ok", "warning", "failed", "not checked"]


@dataclass(frozen=True, slots=True)
class DoctorFinding:
    """The outcome of one check, with a sentence."""

    check: str
    outcome: Outcome
    sentence: str


class CheckWarning(Exception):
    """A finding that does not keep the engine from starting."""


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
        return [_on_this_machine(source) for source in dict.fromkeys(filter(None, named))]

    @cached_property
    def files(self) -> list[Path]:
        """Weight files, the adapter's and a finished merge's included."""
        merged = [self.prepared] if self.prepared and self.plan.preparation == "merge" else []
        return [file for source in (*self.sources, *merged) for file in _weights(source)]

    @cached_property
    def prepared(self) -> Path | None:
        """The checkpoint that the engine loads; None when it is not there yet."""
        if self.plan.preparation is None:
            return self.sources[0]
        folder = preparation.folder_of(self.plan)
        return folder if folder.is_dir() else None

    @cached_property
    def self_test(self) -> Result:
        """The result of loading the vocabulary in the engine's environment."""
        folder = self.prepared or self.sources[0]
        environ = environment.for_engine(self.environ, self.plan.env, key="")
        return self_test.run(folder, is_harmony=self.model.is_gpt_oss, environ=environ)


def _on_this_machine(source: str) -> Path:
    return Path(source) if source.endswith(".gguf") else merging.local(source)


def check_settings(subject: CheckedConfiguration) -> str:
    """Validate every MMHIE_* setting, the gateway's too."""
    given = subject.settings.model_fields_set
    preflight.load_gateway()
    are = "1 launcher setting is" if len(given) == 1 else f"{len(given)} launcher settings are"
    return f"{are} given; all names and values are valid."


def check_cache(subject: CheckedConfiguration) -> str:
    """Look at the folders of models, which may be on another machine that does not answer."""
    folders = [subject.settings.cache_dir, settings.hub_cache()]
    if silent := [str(folder) for folder in folders if not answers(folder)]:
        raise ModelError(
            f"{' and '.join(silent)} did not answer within {PATIENCE_S:.0f} s: the file "
            "server behind it hangs; see `mount`, or set HF_HOME and MMHIE_CACHE_DIR to other "
            "folders."
        )
    return f"{' and '.join(map(str, folders))} can be read."


def answers(
    folder: Path, patience_s: float = PATIENCE_S, look: Callable[[Path], object] = os.path.exists
) -> bool:
    """Return whether the file system says in time if the folder is there; that of NFS may hang.

    The thread that asks is left behind where it does not: no signal wakes it.
    """
    asking = Thread(target=look, args=(folder,), daemon=True)
    asking.start()
    asking.join(patience_s)
    return not asking.is_alive()


def check_engine(subject: CheckedConfiguration) -> str:
    """Find an installed vLLM."""
    return f"{subject.installed.engine} {subject.installed.version} is installed."


def check_device(subject: CheckedConfiguration) -> str:
    """Find the device, and the engine that is for it."""
    device = decisions.choose_device(subject.settings, subject.machine, subject.installed)
    gpus = ", ".join(f"{gpu.name} ({gpu.memory_gib:.0f} GiB)" for gpu in subject.machine.gpus)
    cpu = f"{subject.machine.cpus} CPU cores, {subject.machine.ram_gib:.1f} GiB of memory free"
    return f"The engine runs on {device}: {gpus if device == 'cuda' else cpu}."


def check_model(subject: CheckedConfiguration) -> str:
    """Read the model's description."""
    model = subject.model
    adapter = f", with the adapter of rank {model.adapter.rank} on it" if model.adapter else ""
    return f"{model.id}: {model.architecture}, {model.layers} layers{adapter}."


def check_plan(subject: CheckedConfiguration) -> str:
    """Plan the engine."""
    plan = subject.plan
    if plan.warnings:
        raise CheckWarning(" ".join(plan.warnings))
    return f"It can run: {'; '.join(plan.reasons)}."


def check_weights(subject: CheckedConfiguration) -> str:
    """Compare every shard's length with its header."""
    size = sum(file.stat().st_size for file in subject.files)
    return f"{counted(subject.files)}, {size / GIB:.2f} GiB, nothing missing."


def check_digests(subject: CheckedConfiguration) -> str:
    """Compare the files with the digests recorded by the hub, a merge or a package."""
    known = digests.recorded(subject.files)
    wrong = digests.damaged(known)
    if wrong:
        names = ", ".join(file.name for file in wrong)
        raise ModelError(f"{names} changed since it was recorded: fetch it again.")
    if len(known) < len(subject.files):
        unknown = [file for file in subject.files if file not in known]
        raise CheckWarning(
            f"No SHA-256 was recorded for {counted(unknown)}; nothing to compare with."
        )
    return f"The SHA-256 of {counted(subject.files)} matches the recorded one."


def counted(files: list[Path]) -> str:
    """Return the number of files in words."""
    return f"{len(files)} file{'' if len(files) == 1 else 's'}"


def _weights(source: Path) -> list[Path]:
    """Return the weight files of one source; an adapter's own file has no index."""
    own = source / "adapter_model.safetensors"
    return [own] if own.is_file() else weights.check(source)


def check_plugins(subject: CheckedConfiguration) -> str:
    """Find the package that the plan's quantization needs, if it needs one."""
    method = subject.plan.quantization
    if method not in PLUGINS:
        return "None is needed."
    return f"{FORMATS[method].plugin} is installed."


def check_memory(subject: CheckedConfiguration) -> str:
    """Compare the memory that the plan requires with what is available."""
    memory = subject.plan.memory
    return (
        f"{memory.per_gpu_gib:.1f} GiB required, {memory.available_gib:.1f} available. "
        f"{memory.verdict}"
    )


def check_disk(subject: CheckedConfiguration) -> str:
    """Find room for logs, and for the checkpoint that has to be made first."""
    needed = preflight.LOG_ROOM_BYTES
    if subject.plan.preparation is not None and subject.prepared is None:
        growth = 1.02 if subject.plan.preparation == "merge" else gguf.GROWTH
        needed += int(sum(file.stat().st_size for file in _weights(subject.sources[0])) * growth)
    free = preflight.check_room(subject.settings.cache_dir, needed)
    return f"{free / GIB:.1f} GiB are free and {needed / GIB:.1f} are needed."


def check_port(subject: CheckedConfiguration) -> str:
    """Bind the gateway's port."""
    preflight.check_port(subject.settings.host, subject.settings.port)
    return f"{subject.settings.host}:{subject.settings.port} is free."


def check_vocabulary(subject: CheckedConfiguration) -> str:
    """Load the vocabulary; a GGUF file's is read when the checkpoint is made."""
    if subject.prepared is None and subject.plan.preparation in ("embedded", "dequantize"):
        raise CheckWarning("It is in the GGUF file, and is read on the first start.")
    if subject.self_test.error:
        raise ModelError(f"It does not load: {subject.self_test.error}.")
    return f"{subject.self_test.tokens} tokens."


def check_telemetry(subject: CheckedConfiguration) -> str:
    """Ask the engine whether it would send usage statistics."""
    if subject.self_test.usage_statistics:
        raise ModelError("The engine would send usage statistics; report this as a bug.")
    return "The engine sends no usage statistics."


def check_network(subject: CheckedConfiguration) -> str:
    """Look for connections made while loading, and for anything left to fetch."""
    if subject.self_test.contacted:
        raise ModelError(f"It would contact {', '.join(subject.self_test.contacted)}.")
    if subject.plan.env.get("HF_HUB_OFFLINE") != "1":
        raise ModelError("The engine would ask the model hub: run `mmhie fetch`.")
    return "Nothing has to be fetched, and the hub is switched off for the engine."


CHECKS: Final[tuple[tuple[str, Callable[[CheckedConfiguration], str]], ...]] = (
    ("settings", check_settings),
    ("cache", check_cache),
    ("engine", check_engine),
    ("device", check_device),
    ("model", check_model),
    ("plan", check_plan),
    ("weights", check_weights),
    ("digests", check_digests),
    ("plugins", check_plugins),
    ("memory", check_memory),
    ("disk", check_disk),
    ("port", check_port),
    ("vocabulary", check_vocabulary),
    ("telemetry", check_telemetry),
    ("network", check_network),
)


def run_checks(subject: CheckedConfiguration) -> Iterator[DoctorFinding]:
    """Run every check; one that fails with an earlier one's sentence is not checked."""
    reported: dict[str, str] = {}
    for name, check in CHECKS:
        finding = _found(name, check, subject)
        if finding.sentence in reported:
            yield DoctorFinding(name, "not checked", f"See {reported[finding.sentence]}.")
            continue
        if finding.outcome == "failed":
            reported[finding.sentence] = name
        yield finding
        if finding.outcome == "failed" and name == "cache":  # every other check would hang there
            return


def _found(
    name: str, check: Callable[[CheckedConfiguration], str], subject: CheckedConfiguration
) -> DoctorFinding:
    try:
        return DoctorFinding(name, "ok", check(subject))
    except CheckWarning as warning:
        return DoctorFinding(name, "warning", str(warning))
    except LauncherError as error:
        return DoctorFinding(name, "failed", str(error))
