"""The self-test: would this configuration start here, with no network, and with nothing missing?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final, Literal

from launcher import settings
from launcher.checkpoints import gguf, merging
from launcher.doctor import self_test
from launcher.doctor.self_test import Answer
from launcher.errors import LauncherError, MissingPackage, ModelError
from launcher.formats import FORMATS, PLUGINS
from launcher.models import digests, embedded, resolve, weights
from launcher.models.facts import ModelFacts
from launcher.models.families import EMBEDDED
from launcher.planning import decisions, hardware, installation
from launcher.planning.hardware import GIB, Hardware
from launcher.planning.plan import EnginePlan, make_plan
from launcher.serving import environment, preflight
from launcher.settings import LauncherSettings

Outcome = Literal["ok", "warning", "failed", "not checked"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found, in a sentence."""

    check: str
    outcome: Outcome
    sentence: str


class Concern(Exception):
    """It would start, and somebody should know this."""


class Case:
    """What is examined; each part is found out once, and raises LauncherError if it cannot be."""

    def __init__(
        self, environ: Mapping[str, str], advance: digests.Advance = lambda _: None
    ) -> None:
        self.environ = environ
        self.advance = advance

    @cached_property
    def settings(self) -> LauncherSettings:
        return settings.load(self.environ)

    @cached_property
    def place(self) -> Hardware:
        return hardware.detect()

    @cached_property
    def installed(self) -> installation.Installation:
        found = installation.detect()
        if found.engine is None:
            raise MissingPackage(
                "No vLLM is installed here: run `make run`, or `pip install vllm`."
            )
        return found

    @cached_property
    def model(self) -> ModelFacts:
        return resolve.read_model(self.settings)

    @cached_property
    def plan(self) -> EnginePlan:
        return make_plan(self.settings, self.place, self.model, self.installed)

    @cached_property
    def sources(self) -> list[Path]:
        """The folders and files the engine, or what prepares its checkpoint, reads."""
        if self.model.source == EMBEDDED:
            return [embedded.find()]
        named = [self.model.source, self.model.adapter_source]
        return [_on_this_machine(source) for source in dict.fromkeys(filter(None, named))]

    @cached_property
    def files(self) -> list[Path]:
        """What holds the weights, the adapter's and a finished merge's too."""
        merged = [self.prepared] if self.prepared and self.plan.preparation == "merge" else []
        return [file for source in (*self.sources, *merged) for file in _weights(source)]

    @cached_property
    def prepared(self) -> Path | None:
        """The checkpoint the engine loads, when it is not there yet: None."""
        if self.plan.preparation is None:
            return self.sources[0]
        if self.plan.preparation == "merge":
            folder = decisions.prepared_folder(self.settings, self.model, "merge")
        else:
            folder = self.settings.cache_dir / gguf.key(self.sources[0])
        return folder if folder.is_dir() else None

    @cached_property
    def self_test(self) -> Answer:
        """Asked of the folder with the vocabulary, as the engine would be started."""
        folder = self.prepared or self.sources[0]
        environ = environment.for_engine(self.environ, self.plan.env, key="")
        return self_test.ask(folder, is_harmony=self.model.is_gpt_oss, environ=environ)


def _on_this_machine(source: str) -> Path:
    return Path(source) if source.endswith(".gguf") else merging.local(source)


def check_settings(case: Case) -> str:
    """Every MMHIE_* is known and right, the gateway's too."""
    given = case.settings.model_fields_set
    preflight.check_gateway()
    return f"{len(given) or 'None'} of the launcher's are given; all are known and right."


def check_engine(case: Case) -> str:
    """There is a vLLM."""
    return f"{case.installed.engine} {case.installed.version} is installed."


def check_device(case: Case) -> str:
    """The device asked for is here, and the engine is the one for it."""
    device = decisions.choose_device(case.settings, case.place, case.installed)
    gpus = ", ".join(f"{gpu.name} ({gpu.memory_gib:.0f} GiB)" for gpu in case.place.gpus)
    cpu = f"{case.place.cpus} CPU cores, {case.place.ram_gib:.1f} GiB of memory free"
    return f"The engine runs on {device}: {gpus if device == 'cuda' else cpu}."


def check_model(case: Case) -> str:
    """Its description can be read."""
    model = case.model
    adapter = f", with the adapter of rank {model.adapter.rank} on it" if model.adapter else ""
    return f"{model.id}: {model.architecture}, {model.layers} layers{adapter}."


def check_plan(case: Case) -> str:
    """The settings mean an engine that can run here."""
    plan = case.plan
    if plan.warnings:
        raise Concern(" ".join(plan.warnings))
    return f"It can run: {'; '.join(plan.reasons)}."


def check_weights(case: Case) -> str:
    """Every shard is here and as long as its header says."""
    size = sum(file.stat().st_size for file in case.files)
    return f"{counted(case.files)}, {size / GIB:.2f} GiB, nothing missing."


def check_digests(case: Case) -> str:
    """What was recorded of the files by the hub, a merge or a package still holds."""
    known = digests.recorded(case.files)
    wrong = digests.damaged(known, case.advance)
    if wrong:
        names = ", ".join(file.name for file in wrong)
        raise ModelError(f"{names} changed since it was recorded: fetch it again.")
    if len(known) < len(case.files):
        unknown = [file for file in case.files if file not in known]
        raise Concern(f"Nobody recorded a SHA-256 of {counted(unknown)}, so nothing can be told.")
    return f"The SHA-256 of {counted(case.files)} is the one that was recorded."


def counted(files: list[Path]) -> str:
    """How many, in words that fit one too."""
    return f"{len(files)} file{'' if len(files) == 1 else 's'}"


def _weights(source: Path) -> list[Path]:
    """An adapter's own file has no index."""
    own = source / "adapter_model.safetensors"
    return [own] if own.is_file() else weights.check(source)


def check_plugins(case: Case) -> str:
    """The plan's format needs none, or has it."""
    method = case.plan.quantization
    if method not in PLUGINS:
        return "None is needed."
    return f"{FORMATS[method].plugin} is installed."


def check_memory(case: Case) -> str:
    """Weights, cache and the engine itself fit."""
    memory = case.plan.memory
    return (
        f"{memory.per_gpu_gib:.1f} GiB are needed and {memory.available_gib:.1f} may be used: "
        f"{memory.max_concurrent} requests of full length at once."
    )


def check_disk(case: Case) -> str:
    """Room for logs, and for the checkpoint that has to be made first."""
    needed = preflight.LOG_ROOM_BYTES
    if case.plan.preparation is not None and case.prepared is None:
        growth = 1.02 if case.plan.preparation == "merge" else gguf.GROWTH
        needed += int(sum(file.stat().st_size for file in _weights(case.sources[0])) * growth)
    free = preflight.check_room(case.settings.cache_dir, needed)
    return f"{free / GIB:.1f} GiB are free and {needed / GIB:.1f} are needed."


def check_port(case: Case) -> str:
    """The gateway can listen."""
    preflight.check_port(case.settings.host, case.settings.port)
    return f"{case.settings.host}:{case.settings.port} is free."


def check_vocabulary(case: Case) -> str:
    """It loads from this machine's files; a GGUF file's is read when the checkpoint is made."""
    if case.prepared is None and case.plan.preparation in ("embedded", "dequantize"):
        raise Concern("It is in the GGUF file, and is read on the first start.")
    if case.self_test.error:
        raise ModelError(f"It does not load: {case.self_test.error}.")
    return f"{case.self_test.tokens} tokens."


def check_telemetry(case: Case) -> str:
    """The engine itself says that it reports to nobody."""
    if case.self_test.usage_statistics:
        raise ModelError("The engine would send usage statistics; report this as a bug.")
    return "The engine sends no usage statistics."


def check_network(case: Case) -> str:
    """Nothing is left to fetch, and loading the vocabulary asked nobody."""
    if case.self_test.contacted:
        raise ModelError(f"It would contact {', '.join(case.self_test.contacted)}.")
    if case.plan.env.get("HF_HUB_OFFLINE") != "1":
        raise ModelError("The engine would ask the model hub: run `mmhie fetch`.")
    return "Nothing has to be fetched, and the hub is switched off for the engine."


CHECKS: Final[tuple[tuple[str, Callable[[Case], str]], ...]] = (
    ("settings", check_settings),
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


def examine(case: Case) -> Iterator[Finding]:
    """Every check in turn; one that stumbles over what an earlier one told is not checked."""
    told: dict[str, str] = {}
    for name, check in CHECKS:
        found = _found(name, check, case)
        if found.sentence in told:
            yield Finding(name, "not checked", f"See {told[found.sentence]}.")
            continue
        if found.outcome == "failed":
            told[found.sentence] = name
        yield found


def _found(name: str, check: Callable[[Case], str], case: Case) -> Finding:
    try:
        return Finding(name, "ok", check(case))
    except Concern as concern:
        return Finding(name, "warning", str(concern))
    except LauncherError as error:
        return Finding(name, "failed", str(error))
