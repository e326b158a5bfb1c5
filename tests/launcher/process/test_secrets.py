"""Keys in the environment of the launcher and of its guards, which an engine's user is too."""

import os
import subprocess
import sys
from pathlib import Path

from launcher.process.child import GUARD
from tests.contract.process import ROOT, free_port
from tests.waiting import until

SECRET = "a-key-of-the-audit-trail-7731-with-32-characters"
# All as one user without root's rights to look into others (CAP_SYS_PTRACE, CAP_SYS_ADMIN and
# CAP_PERFMON, dropped with PR_CAPBSET_DROP), whoever runs the tests.
PLAIN = (
    sys.executable,
    "-c",
    "import ctypes, os, sys;"
    "[ctypes.CDLL(None).prctl(24, right, 0, 0, 0) for right in (19, 21, 38)];"
    "os.execvp(sys.argv[1], sys.argv[1:])",
)


def seen(pid: int) -> str:
    """Return what a process of the same user sees of another's environment."""
    command = [*PLAIN, "cat", f"/proc/{pid}/environ"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def test_a_guard_shows_nothing_of_its_environment() -> None:
    """To the command that it guards, least of all; one that does nothing about it shows all."""
    look = "cat /proc/$PPID/environ"
    environ = {"PATH": os.environ["PATH"], "MMHIE_AUDIT_KEY": SECRET}
    lifeline, ours = os.pipe()
    guard = (sys.executable, "-I", "-S", str(GUARD), str(lifeline), "5")
    told = [
        subprocess.run(
            [*PLAIN, *parent, "/bin/sh", "-c", look],
            env=environ,
            pass_fds=(lifeline,),
            capture_output=True,
            text=True,
            check=False,
        )
        for parent in (guard, ("/bin/sh", "-c", '"$0" "$@"; exit'))
    ]
    os.close(lifeline)
    os.close(ours)

    assert SECRET not in told[0].stdout
    assert "Permission denied" in told[0].stderr
    assert SECRET in told[1].stdout


def test_the_launcher_shows_nothing_of_its_environment(tmp_path: Path) -> None:
    """From before the first program that it starts."""
    environ = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "HOME": str(tmp_path),
        "MMHIE_ENGINE_URLS": f"http://127.0.0.1:{free_port()}",
        "MMHIE_DIGEST_KEY": SECRET,
        "MMHIE_PORT": str(free_port()),
    }
    log = tmp_path / "log"
    with log.open("wb") as file:
        serving = subprocess.Popen(
            [*PLAIN, sys.executable, "-m", "launcher", "serve"],
            env=environ,
            cwd=tmp_path,
            stdout=file,
            stderr=file,
        )
    try:
        until(lambda: "listening" in log.read_text() or serving.poll() is not None)
        assert serving.poll() is None, log.read_text()
        shown = seen(serving.pid)
    finally:
        serving.terminate()
        serving.wait()

    assert SECRET not in shown
