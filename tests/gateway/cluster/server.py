"""A real redis-server of a test's own: killed, stopped, hung, started again."""

import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from requirements import programs
from tests.contract.process import free_port
from tests.waiting import PATIENCE_S


class RedisServer:
    """Keeps nothing on disk, so a restart loses everything."""

    def __init__(self, folder: Path, *options: str) -> None:
        program = programs.find("redis-server")
        if program is None:
            pytest.skip(programs.reason("redis-server"))
        self.port = free_port()
        self.folder = folder
        self.url = f"redis://127.0.0.1:{self.port}"
        bind = ("--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(folder))
        self.command: Sequence[str] = (program, *bind, "--save", "", *options)
        self.child: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Start it, and return once it takes connections."""
        with (self.folder / "redis.log").open("ab") as log:
            self.child = subprocess.Popen(self.command, stdout=log, stderr=log)
        deadline = time.monotonic() + PATIENCE_S
        while not self.is_listening():
            assert self.child.poll() is None, (self.folder / "redis.log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def is_listening(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True

    def signal(self, number: signal.Signals) -> None:
        assert self.child is not None
        self.child.send_signal(number)

    def kill(self) -> None:
        """End it without a word."""
        assert self.child is not None
        self.child.kill()
        self.child.wait()

    def ask(self, *words: str) -> str:
        """Return the output of redis-cli for a command."""
        done = subprocess.run(
            ["redis-cli", "-p", str(self.port), *words], capture_output=True, text=True, check=True
        )
        return done.stdout.strip()
