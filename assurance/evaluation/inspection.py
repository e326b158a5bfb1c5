"""Inspect as a child process, in the environment that has it."""

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from launcher.errors import LauncherError, MissingPackage
from launcher.json_types import JsonView
from launcher.process.child import GUARD

ROOT: Final = Path(__file__).parents[2]
# Our modules after the environment's own packages, which may be installed beside ours as well.
PROGRAM: Final = (
    "import sys; sys.path.append(sys.argv[1]); "
    "from assurance.evaluation.runner.program import main; main(sys.argv[2])"
)
JOB: Final = "job.json"
# Inspect's buffers hold questions and answers: they stay beside its logs.
HOMES: Final = ("XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR")
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
    found = chosen or place / "bin" / "python"
    if not found.is_file():
        raise MissingPackage(
            f"Inspect is not installed: run `python3 -m venv {place} && {place}/bin/pip install "
            "--no-deps --require-hashes -r requirements/evaluate.txt`, or set "
            "MMHIE_EVALUATE_PYTHON to the Python of an environment that has inspect-ai."
        )
    return found


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
        "MMHIE_BASE_URL": f"{access.url}/v1",
        "MMHIE_API_KEY": access.key or "none",
        "MMHIE_DIGEST_KEY": access.digest_key or "",
        "MMHIE_DEADLINE": str(access.deadline),
        "JUDGE_API_KEY": access.judge_key or "none",
    }


def run(
    interpreter: Path, folder: Path, access: Access, seen: Callable[[Event], None]
) -> list[Event]:
    """Run the job in this folder; return a record of each item. Raises InspectFailed."""
    command = [str(interpreter), "-c", PROGRAM, str(ROOT), str(folder / JOB)]
    found: list[Event] = []
    is_whole = False
    errors = folder / "inspect.log"
    with errors.open("a") as log, child(command, environ(access, folder), log) as process:
        for event in events(process):  # until it has closed its output, and so has ended
            if event["event"] == "record":
                found.append(event)
            is_whole = is_whole or event["event"] == "end"
            seen(event)
    if is_whole:
        return found
    raise InspectFailed(
        f"Inspect ended before the run did; {errors} has its words. --resume goes on from there."
    )


@contextmanager
def child(
    command: list[str], env: Mapping[str, str], log: Any
) -> Iterator["subprocess.Popen[str]"]:
    """Start a process that outlives neither the block nor, however it dies, this process."""
    lifeline, held = os.pipe()
    guard = (sys.executable, "-I", "-S", str(GUARD), str(lifeline), str(STOP_S))
    process = subprocess.Popen(
        [*guard, *command],
        env=dict(env),
        pass_fds=(lifeline,),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
        start_new_session=True,  # Ctrl-C comes to us alone
    )
    os.close(lifeline)
    try:
        yield process
    finally:
        stop(process)
        os.close(held)


def stop(process: "subprocess.Popen[str]") -> None:
    """Terminate a process that still runs, then kill it. Inspect has every finished item on disk
    already; on SIGINT it would wait for those in flight."""
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout:
        process.stdout.close()


def events(process: "subprocess.Popen[str]") -> Iterator[Event]:
    """Yield what the program tells; anything else that is printed there is skipped."""
    for line in process.stdout or ():
        try:
            found = json.loads(line)
        except ValueError:
            continue
        if isinstance(found, dict) and "event" in found:
            yield found
