"""Real processes: their lines, their endings, and what they must not leave behind."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time

import psutil
import pytest

from launcher.process.child import (
    LAST_LINES,
    LONGEST_LINE_BYTES,
    Child,
    Command,
    OutputLines,
    describe,
)
from tests.waiting import PATIENCE_S, eventually, until

STUBBORN = "trap '' TERM; echo up; while :; do sleep 0.05; done"


def shell(script: str) -> Command:
    return Command(("/bin/sh", "-c", script), {"PATH": os.environ["PATH"]})


def is_gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def until_gone(pid: int) -> None:
    """Wait for the end of a process that is not ours."""
    until(lambda: is_gone(pid))


def test_lines_survive_any_cut() -> None:
    r"""Splits of the pipe make no difference; a progress bar's \r ends a line, a bad byte is shown
    as such, and output without line ends does not fill the memory."""
    text = b"one\r\ntwo\rthree\n\ncaf\xe9"
    for cut in range(len(text)):
        lines = OutputLines()
        heard = lines.feed(text[:cut]) + lines.feed(text[cut:]) + lines.close()
        assert heard == ["one", "two", "three", "caf\ufffd"]

    lines, length = OutputLines(), LONGEST_LINE_BYTES + 1
    assert lines.feed(b"x" * length) == ["x" * length]
    assert lines.rest == b""


async def test_both_outputs_are_heard_in_full() -> None:
    """All lines have reached the listener when the end is told; the last ones are kept."""
    said: list[str] = []
    child = Child(shell("seq 1 1500; echo error >&2; printf rest"), said.append)

    assert await child.wait() == 0
    assert len(said) == 1502
    assert said[-2:] == ["error", "rest"]
    assert list(child.last_lines) == said[-LAST_LINES:]


@pytest.mark.parametrize(
    ("script", "status", "words"),
    [
        ("exit 3", 3, "exit code 3"),
        ("kill -KILL $$", 137, "killed by SIGKILL (out of memory?)"),
        ("kill -SEGV $$", 139, "killed by SIGSEGV"),
    ],
)
async def test_the_ending_is_told(script: str, status: int, words: str) -> None:
    """As a shell tells it, and in words."""
    child = Child(shell(script))

    assert await child.wait() == status
    assert describe(status) == words
    assert not child.is_running


async def test_a_command_that_is_not_there() -> None:
    """One line says so; the status is a shell's. A command that is logged holds no key."""
    command = Command(("no-such-program",), {"PATH": "/usr/bin", "VLLM_API_KEY": "secret"})
    child = Child(command)

    assert await child.wait() == 127
    (line,) = child.last_lines
    assert line == "no-such-program cannot be started: No such file or directory"
    assert "secret" not in repr(command)


async def test_stop_asks_first() -> None:
    """A command that obeys SIGTERM ends in its own way, at once."""
    child = Child(shell("trap 'echo bye; exit 7' TERM; echo up; while :; do sleep 0.05; done"))
    await eventually(lambda: "up" in child.last_lines)

    async with asyncio.timeout(PATIENCE_S):
        assert await child.stop(grace_s=10 * PATIENCE_S) == 7
    assert child.last_lines[-1] == "bye"


async def test_stop_kills_after_the_grace() -> None:
    """SIGKILL to whoever does not listen, and to what it started."""
    child = Child(shell(f"sleep 300 & echo $!; {STUBBORN}"))
    await eventually(lambda: "up" in child.last_lines)
    grandchild = int(child.last_lines[0])
    began = time.monotonic()

    assert await child.stop(grace_s=0.3) == 137
    assert time.monotonic() - began >= 0.3
    until_gone(grandchild)


async def test_what_a_command_leaves_behind_is_killed() -> None:
    """vLLM's engine processes stay when its API server is killed. It has a session of its own: a
    Ctrl-C in the terminal does not reach it."""
    child = Child(shell("sleep 300 >/dev/null 2>&1 & echo $!; ps -o sid= -p $$; exit 1"))
    await child.wait()

    until_gone(int(child.last_lines[0]))
    assert int(child.last_lines[1]) == child.pid


LAUNCHER = """
import asyncio, sys
from launcher.process.child import Child, Command
async def main():
    child = Child(Command(("/bin/sh", "-c", sys.argv[1]), {"PATH": "/usr/bin:/bin"}), print)
    await child.wait()
asyncio.run(main())
"""


def test_nothing_outlives_a_killed_launcher() -> None:
    """kill -9 of the launcher: command and grandchild end, deaf as they are, after a grace."""
    launcher = subprocess.Popen(
        [sys.executable, "-u", "-c", LAUNCHER, f"sleep 300 & echo $!; echo $$; {STUBBORN}"],
        stdout=subprocess.PIPE,
    )
    assert launcher.stdout is not None
    pids = [int(launcher.stdout.readline()) for _ in range(2)]
    launcher.kill()
    launcher.wait()
    launcher.stdout.close()

    for pid in pids:
        until_gone(pid)
