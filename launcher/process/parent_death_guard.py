"""Run one command and leave no process behind.

`python parent_death_guard.py LIFELINE GRACE_S COMMAND ...`.

It stands between the launcher and an engine, as leader of their process group. Termination
signals go on to the command. When the launcher dies, even by SIGKILL, its end of the pipe LIFELINE
closes: the command gets SIGTERM, GRACE_S seconds, and then the whole group SIGKILL. (vLLM's engine
processes outlive a killed API server, and PR_SET_PDEATHSIG follows a thread, not a process.)
Standard library only: it runs without the site packages, to start fast and stay small.

The guard of a gateway has keys in its environment, which an engine of the same user could read
under /proc: it closes them to everybody but root.
"""

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable

PR_SET_DUMPABLE = 4  # linux/prctl.h


def main(lifeline: int, grace_s: float, command: list[str]) -> int:
    """Run the command and return its exit status as a shell has it: 128 + n after signal n."""
    close_to_others()
    early: list[int] = []
    on_termination(early.append)
    try:
        child = subprocess.Popen(command)
    except OSError as error:
        print(f"{command[0]} cannot be started: {error.strerror}", file=sys.stderr)  # noqa: T201
        return 127
    on_termination(child.send_signal)
    for number in early:
        child.send_signal(number)
    exited = os.pidfd_open(child.pid)
    if lifeline in wait_for(None, exited, lifeline):
        child.terminate()
        wait_for(grace_s, exited)
        os.killpg(0, signal.SIGKILL)
    return status(child.wait())


def close_to_others() -> None:
    """Keep this process's environment and memory from other processes of this user (Linux)."""
    with contextlib.suppress(OSError, AttributeError):  # no Linux
        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)


def end_with_parent(grace_s: float) -> None:
    """End this process when its standard input does, which its parent holds open: SIGTERM to it,
    and after the grace SIGKILL to its group, if it leads one."""

    def watch() -> None:
        while os.read(0, 1024):
            pass
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(grace_s)
        if os.getpgrp() == os.getpid():
            os.killpg(0, signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)  # the group is another's, with processes of its own

    threading.Thread(target=watch, daemon=True).start()


def on_termination(action: Callable[[int], None]) -> None:
    """Call this with every termination signal."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda received, _: action(received))


def wait_for(timeout_s: float | None, *descriptors: int) -> list[int]:
    """Return the descriptors that are readable or closed, or none after the timeout."""
    poll = select.poll()
    for descriptor in descriptors:
        poll.register(descriptor, select.POLLIN)
    return [file for file, _ in poll.poll(None if timeout_s is None else timeout_s * 1000)]


def status(returncode: int) -> int:
    return returncode if returncode >= 0 else 128 - returncode


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), float(sys.argv[2]), sys.argv[3:]))
