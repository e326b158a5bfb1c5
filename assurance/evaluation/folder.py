"""The folder of one run: its job and Inspect's logs, which hold questions and answers."""

import json
from pathlib import Path
from typing import Any

from assurance.evaluation.inspection import JOB
from launcher.errors import LauncherError
from launcher.json_types import JsonView


def prepared(out: Path, job: JsonView, *, resume: bool) -> Path:
    """Return the logs' folder with this job in it: a new one, or that of the run to go on with.

    Raises LauncherError for a run that is there and not meant, and for another job's.
    """
    place = out.with_suffix(".logs")
    file = place / JOB
    if file.exists() and not resume:
        raise LauncherError(
            f"{place} holds a run already: --resume goes on with it, --out names another."
        )
    if file.exists() and known(file) != json.loads(json.dumps(job)):
        raise LauncherError(
            f"{place} holds a run of other items, settings or another model: name another --out."
        )
    if not file.exists():
        write(place, file, job)
    return place


def write(place: Path, file: Path, job: JsonView) -> None:
    """Write the job, whole or not at all, where nobody else can read. Raises LauncherError."""
    part = file.with_suffix(".part")
    try:
        place.mkdir(mode=0o700, exist_ok=True)
        part.write_text(json.dumps(job, ensure_ascii=False))
        part.replace(file)
    except OSError as error:
        raise LauncherError(f"{place} cannot be written: {error.strerror}.") from None


def known(file: Path) -> Any:
    """Return the job in a folder; None for one that cannot be read."""
    try:
        return json.loads(file.read_text())
    except (OSError, ValueError):
        return None
