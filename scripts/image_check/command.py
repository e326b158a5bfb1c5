"""Other programs, run to their end, and what is told to the person who waits."""

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LAST_LINES = 25


class CheckError(Exception):
    """A sentence: what the image does not do."""


def say(text: str) -> None:
    print(f"==> {text}", flush=True)


def run(*command: str | Path, **environ: str) -> str:
    """Standard output of a command that succeeds; CheckError with its last lines otherwise."""
    done = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, **environ},
    )
    if done.returncode:
        told = "\n".join((done.stdout + done.stderr).splitlines()[-LAST_LINES:])
        raise CheckError(f"{command[0]} failed with exit code {done.returncode}:\n{told}")
    return done.stdout


def remove(folder: Path) -> None:
    """Delete a folder, but nothing that is mounted into it."""
    run("rm", "-rf", "--one-file-system", folder)
