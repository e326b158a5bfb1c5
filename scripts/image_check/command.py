"""Commands, the programs they need, and progress messages."""

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LAST_LINES = 25
# buildah requires netavark even without a network.
TOOLS = {
    "buildah": "/usr/bin/buildah",
    "debootstrap": "/usr/sbin/debootstrap",
    "docker-compose": "/usr/bin/docker-compose",
    "netavark": "/usr/lib/podman/netavark",
}


class CheckError(Exception):
    """A failed check, as one sentence."""


def say(text: str) -> None:
    """Print a progress message."""
    print(f"==> {text}", flush=True)


def run(*command: str | Path, **environ: str) -> str:
    """Return the standard output of a command. Raises CheckError with its last lines."""
    done = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, **environ},
    )
    if done.returncode:
        last = "\n".join((done.stdout + done.stderr).splitlines()[-LAST_LINES:])
        raise CheckError(f"{command[0]} failed with exit code {done.returncode}:\n{last}")
    return done.stdout


def remove(folder: Path) -> None:
    """Delete a folder, without what is mounted into it."""
    run("rm", "-rf", "--one-file-system", folder)


def need_tools() -> None:
    """Install missing programs. Raises CheckError without root."""
    missing = [name for name, file in TOOLS.items() if not Path(file).exists()]
    if os.geteuid() != 0:
        raise CheckError("Building an image needs root here; run this as root.")
    if missing:
        say(f"installing {', '.join(missing)}")
        run("apt-get", "update", "-qq")
        run("apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing)
