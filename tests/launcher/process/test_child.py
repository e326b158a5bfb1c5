"""Real processes: their lines, their endings, and what they must not leave behind."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from launcher.process.child import (
    GUARD,
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


@pytest.mark.parametrize("cut", range(len(b"one\r\ntwo\rthree\n\nf")))
def test_lines_survive_any_cut(cut: int) -> None:
    r"""Splits of the pipe make no difference; a progress bar's \r ends a line."""
    text, lines = b"one\r\ntwo\rthree\n\nf", OutputLines()
    heard = lines.feed(text[:cut]) + lines.feed(text[cut:]) + lines.close()

    assert heard == ["one", "two", "three", "f"]


def test_an_endless_line_is_cut() -> None:
    """Output without line ends does not fill the memory."""
    lines, length = OutputLines(), LONGEST_LINE_BYTES + 1

    assert lines.feed(b"x" * length) == ["x" * length]
    assert lines.rest == b""


def test_text_that_is_not_utf8_is_still_a_line() -> None:
    """A bad byte is shown as such."""
    assert OutputLines().feed(b"caf\xe9\n") == ["caf\ufffd"]


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
        ("exit 0", 0, "exit code 0"),
        ("exit 3", 3, "exit code 3"),
        ("kill -KILL $$", 137, "killed by SIGKILL (out of memory?)"),
        ("kill -SEGV $$", 139, "killed by SIGSEGV"),
        ("exit 255", 255, "exit code 255"),
    ],
)
async def test_the_ending_is_told(script: str, status: int, words: str) -> None:
    """As a shell tells it, and in words."""
    child = Child(shell(script))

    assert await child.wait() == status
    assert describe(status) == words
    assert not child.is_running


async def test_a_command_that_is_not_there() -> None:
    """One line says so; the status is a shell's."""
    child = Child(Command(("no-such-program",), {"PATH": "/usr/bin"}))

    assert await child.wait() == 127
    (line,) = child.last_lines
    assert line == "no-such-program cannot be started: No such file or directory"


async def test_it_has_a_session_of_its_own_and_no_input() -> None:
    """A Ctrl-C in the terminal does not reach it."""
    child = Child(shell("ps -o sid= -p $$; cat"))
    await child.wait()

    assert int(child.last_lines[0]) == child.pid


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


async def test_stop_after_the_end_is_harmless() -> None:
    """And tells the same status again."""
    child = Child(shell("exit 4"))
    await child.wait()
    child.kill()

    assert await child.stop(grace_s=5) == 4


async def test_what_a_command_leaves_behind_is_killed() -> None:
    """vLLM's engine processes stay when its API server is killed."""
    child = Child(shell("sleep 300 >/dev/null 2>&1 & echo $!; exit 1"))
    await child.wait()

    until_gone(int(child.last_lines[0]))


async def test_what_holds_the_output_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that the end of the group does not end; here it has left the group."""
    monkeypatch.setattr("launcher.process.child.LAST_LINES_S", 0.5)
    program = "import os, sys, time; os.setsid(); print(os.getpid(), flush=True); time.sleep(300)"
    away = f"{sys.executable} -c '{program}' & while :; do sleep 0.05; done"
    child = Child(shell(away))
    await eventually(lambda: child.last_lines)
    try:
        async with asyncio.timeout(PATIENCE_S):
            assert await child.stop(grace_s=5) == 143
            assert await child.wait() == 143
    finally:
        os.kill(int(child.last_lines[0]), signal.SIGKILL)


async def test_a_killed_guard_takes_the_group_along() -> None:
    """No command without its guard."""
    child = Child(shell("echo $$; sleep 300"))
    await eventually(lambda: child.last_lines)
    command = int(child.last_lines[0])
    os.kill(child.pid, signal.SIGKILL)

    assert await child.wait() == 137
    until_gone(command)


def test_the_environment_is_not_shown() -> None:
    """A logged command holds no key."""
    assert "secret" not in repr(Command(("vllm",), {"VLLM_API_KEY": "secret"}))


LAUNCHER = """
import asyncio, sys
from launcher.process.child import Child, Command
async def main():
    child = Child(Command(("/bin/sh", "-c", sys.argv[1]), {"PATH": "/usr/bin:/bin"}), print)
    await child.wait()
asyncio.run(main())
"""


@pytest.mark.parametrize("script", ["sleep 300", STUBBORN], ids=["obedient", "stubborn"])
def test_nothing_outlives_a_killed_launcher(script: str) -> None:
    """kill -9 of the launcher: command and grandchild end, the deaf ones after a grace."""
    launcher = subprocess.Popen(
        [sys.executable, "-u", "-c", LAUNCHER, f"sleep 300 & echo $!; echo $$; {script}"],
        stdout=subprocess.PIPE,
    )
    assert launcher.stdout is not None
    pids = [int(launcher.stdout.readline()) for _ in range(2)]
    launcher.kill()
    launcher.wait()
    launcher.stdout.close()

    for pid in pids:
        until_gone(pid)


def test_the_guard_needs_no_site_packages() -> None:
    """It starts fast and is small: nothing of ours, nothing installed."""
    guard = [sys.executable, "-I", "-S", "-X", "importtime", str(GUARD)]
    lifeline, other = os.pipe()
    command = [*guard, str(lifeline), "1", "/bin/true"]
    done = subprocess.run(command, pass_fds=(lifeline,), capture_output=True, text=True, check=True)
    os.close(lifeline)
    os.close(other)

    assert "launcher" not in done.stderr.replace(str(Path(GUARD)), "")
    assert "asyncio" not in done.stderr


def test_a_process_that_ignores_the_end_of_its_parent_is_killed() -> None:
    """SIGTERM, the grace, SIGKILL to the whole group."""
    program = (
        "import signal, time; from launcher.process.parent_death_guard import end_with_parent; "
        "signal.signal(signal.SIGTERM, signal.SIG_IGN); end_with_parent(0.2); time.sleep(900)"
    )
    stubborn = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, start_new_session=True
    )
    stubborn.communicate(timeout=PATIENCE_S)

    assert stubborn.returncode == -signal.SIGKILL
