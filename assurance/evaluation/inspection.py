"""Inspect as a child process, in the environment that has it, and the folder of one run: its job,
and Inspect's logs, which hold questions and answers."""

import asyncio
import importlib.util
import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from launcher.errors import LauncherError, MissingPackage
from launcher.json_types import JsonView
from launcher.process.child import Command, prefixed, run_to_end

ROOT: Final = Path(__file__).parents[2]
# Our modules after the environment's own packages, which may be installed beside ours as well.
PROGRAM: Final = (
    "import sys; sys.path.append(sys.argv[1]); "
    "from assurance.evaluation.runner.program import main; main(sys.argv[2])"
)
JOB: Final = "job.json"
# Inspect's buffers hold questions and answers: they stay beside its logs.
HOMES: Final = ("XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR")
# On SIGINT it would wait for the items in flight; every finished one is on disk already.
STOP_S: Final = 20.0
Event = JsonView


class InspectFailed(LauncherError):
    """Inspect ended before the run did."""


@dataclass(frozen=True, slots=True)
class Access:
    """Addresses, keys and the end of the budget (Unix time); none of it is written to the job."""

    url: str
    key: str | None
    digest_key: str | None
    judge_key: str | None
    deadline: float


def python(chosen: Path | None, cache: Path) -> Path:
    """Return the interpreter that has Inspect. Raises MissingPackage."""
    if chosen is None and importlib.util.find_spec("inspect_ai"):
        return Path(sys.executable)
    place = cache / "evaluate"
    interpreter = chosen or place / "bin" / "python"
    if not interpreter.is_file():
        raise MissingPackage(
            f"Inspect is not installed: run `python3 -m venv {place} && {place}/bin/pip install "
            "--no-deps --require-hashes -r requirements/evaluate.txt`, or set "
            "MMHIE_EVALUATE_PYTHON to the Python of an environment that has inspect-ai."
        )
    return interpreter


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


def environ(access: Access, folder: Path) -> dict[str, str]:
    """Return the child's environment: no variable of Inspect's or of ours that is not meant."""
    kept = {
        name: text
        for name, text in os.environ.items()
        if not name.startswith(("INSPECT_", "MMHIE_", "OPENAI_", "PYTHON", "COVERAGE_"))
    }
    home = folder / ".inspect"
    home.mkdir(mode=0o700, exist_ok=True)
    return {
        **kept,
        **dict.fromkeys(HOMES, str(home)),
        "NO_PROXY": "127.0.0.1,localhost,::1",
        "MMHIE_BASE_URL": access.url,
        "MMHIE_API_KEY": access.key or "none",
        "MMHIE_DIGEST_KEY": access.digest_key or "",
        "MMHIE_DEADLINE": str(access.deadline),
        "JUDGE_API_KEY": access.judge_key or "none",
    }


def run(
    interpreter: Path, folder: Path, access: Access, seen: Callable[[Event], None]
) -> list[Event]:
    """Run the job in this folder; return a record of each item. Raises InspectFailed."""
    argv = (str(interpreter), "-c", PROGRAM, str(ROOT), str(folder / JOB))
    events: list[Event] = []
    errors = folder / "inspect.log"
    with errors.open("a") as log:
        log_line = prefixed("inspect", log)

        def hear(line: str) -> None:
            event = event_in(line)
            if event is None:
                log_line(line)
            else:
                events.append(event)
                seen(event)

        asyncio.run(run_to_end(Command(argv, environ(access, folder)), STOP_S, hear))
    if any(event["event"] == "end" for event in events):
        return [event for event in events if event["event"] == "record"]
    raise InspectFailed(
        f"Inspect ended before the run did; {errors} has its words. --resume goes on from there."
    )


def event_in(line: str) -> Event | None:
    """Return what the program tells in a line; None for anything else that is printed there."""
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and "event" in event else None
