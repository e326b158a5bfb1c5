"""A child process with all its descendants: start, output, end."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

GUARD = Path(__file__).with_name("parent_death_guard.py")
# A traceback of each worker has to fit, or the first cause would be lost.
LAST_LINES = 1000
LONGEST_LINE_BYTES = 16 * 1024
# How long the guard lets the command live after the launcher has died.
ORPHAN_GRACE_S = 5.0
# How long the last lines of a command that has ended are waited for.
LAST_LINES_S = 10.0

Listener = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Command:
    """Arguments and the whole environment, which may hold secrets."""

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(repr=False)


class OutputLines:
    """Splits bytes into lines; a progress bar's carriage return ends a line too."""

    def __init__(self) -> None:
        self.rest = b""

    def feed(self, chunk: bytes) -> list[str]:
        """Return the lines this chunk completes, without blank ones."""
        *whole, self.rest = (self.rest + chunk).replace(b"\r", b"\n").split(b"\n")
        if len(self.rest) > LONGEST_LINE_BYTES:
            whole.append(self.rest)
            self.rest = b""
        return [line.decode(errors="replace").rstrip() for line in whole if line.strip()]

    def close(self) -> list[str]:
        """Return what was written after the last line end."""
        return self.feed(b"\n")


class Child:
    """A running command in a session of its own; its last lines are kept.

    Needs a running event loop. Whatever the command leaves in its group is killed when it exits.
    """

    def __init__(self, command: Command, listener: Listener = lambda line: None) -> None:
        self.last_lines: deque[str] = deque(maxlen=LAST_LINES)
        self._listener = listener
        self._lines = OutputLines()
        self._loop = asyncio.get_running_loop()
        self._status: asyncio.Future[int] = self._loop.create_future()
        self._output_ended = asyncio.Event()
        self._process = self._spawn(command)
        self._exited = os.pidfd_open(self._process.pid)
        self._loop.add_reader(self._exited, self._reap)
        self._loop.add_reader(self._output, self._read)

    def _spawn(self, command: Command) -> subprocess.Popen[bytes]:
        lifeline, self._lifeline = os.pipe()
        self._output, output = os.pipe()
        os.set_blocking(self._output, False)
        guard = (sys.executable, "-I", "-S", str(GUARD), str(lifeline), str(ORPHAN_GRACE_S))
        try:
            return subprocess.Popen(
                (*guard, *command.argv),
                env=dict(command.env),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=(lifeline,),
                start_new_session=True,
            )
        finally:
            os.close(lifeline)
            os.close(output)

    @property
    def pid(self) -> int:
        """The guard's process id, which is the group's."""
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return not self._status.done()

    async def wait(self) -> int:
        """Return the exit status, 128 + n after signal n, once every line has been heard.

        What even SIGKILL does not end at once, or has left the group, keeps nobody waiting.
        """
        status = await asyncio.shield(self._status)
        try:
            async with asyncio.timeout(LAST_LINES_S):
                await self._output_ended.wait()
        except TimeoutError:
            self._stop_reading()
        return status

    async def stop(self, grace_s: float) -> int:
        """Send SIGTERM to the command, and SIGKILL to the whole group after the grace."""
        if self.is_running:
            self._process.send_signal(signal.SIGTERM)
            try:
                async with asyncio.timeout(grace_s):
                    await asyncio.shield(self._status)
            except TimeoutError:
                self.kill()
        return await self.wait()

    def kill(self) -> None:
        """Send SIGKILL to the whole group, now."""
        if self.is_running:
            os.killpg(self.pid, signal.SIGKILL)

    def _reap(self) -> None:
        self._loop.remove_reader(self._exited)
        os.close(self._exited)
        # The guard is dead but not yet waited for, so its group's number cannot be another's.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        returncode = self._process.wait()
        os.close(self._lifeline)
        self._status.set_result(returncode if returncode >= 0 else 128 - returncode)

    def _read(self) -> None:
        chunk = os.read(self._output, 65536)
        for line in self._lines.feed(chunk) if chunk else self._lines.close():
            self.last_lines.append(line)
            self._listener(line)
        if not chunk:
            self._stop_reading()

    def _stop_reading(self) -> None:
        if not self._output_ended.is_set():
            self._loop.remove_reader(self._output)
            os.close(self._output)
            self._output_ended.set()


async def run_to_end(
    command: Command, grace_s: float, listener: Listener = lambda line: None
) -> tuple[int, tuple[str, ...]]:
    """Run a command that ends with whoever waits for it; return its exit status and last lines."""
    child = Child(command, listener)
    try:
        status = await child.wait()
    finally:
        await child.stop(grace_s)
    return status, tuple(child.last_lines)


def prefixed(name: str, file: TextIO) -> Listener:
    """Return a listener that writes each line under its program's name.

    A line that cannot be written is dropped: a full disk is no reason to stop a service.
    """

    def write(line: str) -> None:
        with contextlib.suppress(OSError):
            file.write(f"{name} | {line}\n")

    return write


def describe(status: int) -> str:
    """Describe an exit status in words."""
    if status <= 128:
        return f"exit code {status}"
    try:
        name = signal.Signals(status - 128).name
    except ValueError:
        return f"exit code {status}"
    return f"killed by {name}" + (" (out of memory?)" if name == "SIGKILL" else "")
