"""Known-good combinations of model, card and version: a row from each report that passed."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter, ValidationError

from assurance.acceptance.combination import Combination
from launcher.errors import LauncherError
from launcher.json_types import JsonView

SHIPPED: Final = Path(__file__).with_name("profiles.json")


@dataclass(frozen=True, slots=True)
class Profile(Combination):
    """A combination that passed an acceptance run, and how fast it was through the gateway."""

    concurrency: int
    tokens_s: float
    ttft_p50_ms: float
    time: str
    is_quick: bool


def profile_of(report: JsonView) -> Profile:
    """Return a report's row. Raises LauncherError when its run failed or had no load."""
    load = report["measurements"].get("load")
    if not report["has_passed"] or not load:
        raise LauncherError(f"This combination is not known to be good: {report['verdict']}")
    best = max(
        (run for run in load["runs"] if run["way"] == "through"), key=lambda run: run["concurrency"]
    )
    figures = {name: best[name] for name in ("concurrency", "tokens_s", "ttft_p50_ms")}
    return read_row({**report["facts"], **figures, "time": report["time"]})


def read_row(row: JsonView) -> Profile:
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
    rows = []
    for file in sorted(files):
        try:
            rows.append(read_row(json.loads(file.read_text())))
        except (OSError, ValueError, ValidationError):
            raise LauncherError(f"{file} is no profile: remove it.") from None
    return rows


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
