"""Known-good combinations of model, card and version: a row from each report that passed."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from launcher.errors import LauncherError
from launcher.planning.hardware import Hardware

SHIPPED: Final = Path(__file__).with_name("profiles.json")


@dataclass(frozen=True, slots=True)
class Profile:
    """A combination that passed an acceptance run, and how fast it was through the gateway."""

    model: str
    base: str | None
    revision: str | None
    device: str
    cards: tuple[str, ...]
    cpus: int
    engine_version: str
    quantization: str
    dtype: str
    kv_cache_dtype: str
    max_model_len: int
    tensor_parallel: int
    pipeline_parallel: int
    data_parallel: int
    engines: int
    concurrency: int
    tokens_s: float
    ttft_p50_ms: float
    time: str
    is_quick: bool

    @property
    def hardware(self) -> str:
        """The cards, or the cores of a CPU."""
        if not self.cards:
            return f"CPU, {self.cpus} cores"
        return ", ".join(f"{self.cards.count(name)}x {name}" for name in dict.fromkeys(self.cards))

    @property
    def settings(self) -> str:
        """The plan's choices, in words."""
        sizes = {
            "TP": self.tensor_parallel,
            "PP": self.pipeline_parallel,
            "DP": self.data_parallel,
            "engines": self.engines,
        }
        several = [f"{name} {size}" for name, size in sizes.items() if size > 1]
        cache = [] if self.kv_cache_dtype == "auto" else [f"KV {self.kv_cache_dtype}"]
        return ", ".join((self.quantization, self.dtype, *cache, *several))

    def suits(self, machine: Hardware) -> bool:
        """This machine has the cards, or has none and neither had the other."""
        names = [gpu.name for gpu in machine.gpus]
        if not self.cards:
            return not names
        return all(names.count(name) >= self.cards.count(name) for name in self.cards)


def profile_of(report: Mapping[str, Any]) -> Profile:
    """Return a report's row. Raises LauncherError when its run failed or had no load."""
    load = report["measurements"].get("load")
    if not report["has_passed"] or not load:
        raise LauncherError(f"This combination is not known to be good: {report['verdict']}")
    best = max(
        (run for run in load["runs"] if run["way"] == "through"), key=lambda run: run["concurrency"]
    )
    figures = {name: best[name] for name in ("concurrency", "tokens_s", "ttft_p50_ms")}
    return read_row({**report["facts"], **figures, "time": report["time"]})


def read_row(row: Mapping[str, Any]) -> Profile:
    """Return a row from JSON; fields that are not a row's are left out. Raises ValidationError."""
    names = Profile.__dataclass_fields__
    return TypeAdapter(Profile).validate_python(
        {name: value for name, value in row.items() if name in names}
    )


def known(folder: Path) -> list[Profile]:
    """Return the shipped rows, then those of this folder. Raises LauncherError."""
    shipped = [read_row(row) for row in json.loads(SHIPPED.read_text())]
    return [*shipped, *own(folder.glob("*.json"))]


def own(files: Iterable[Path]) -> list[Profile]:
    """Return rows that were added here."""
    found = []
    for file in sorted(files):
        try:
            found.append(read_row(json.loads(file.read_text())))
        except (OSError, ValueError, ValidationError):
            raise LauncherError(f"{file} is no profile: remove it.") from None
    return found


def add(profile: Profile, folder: Path) -> Path:
    """Write a row into the folder, once. Raises LauncherError."""
    text = json.dumps(asdict(profile), indent=1) + "\n"
    file = folder / f"{hashlib.sha256(text.encode()).hexdigest()[:16]}.json"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    except OSError as error:
        raise LauncherError(f"{file} cannot be written: {error.strerror}.") from None
    return file
