"""The gateway as a child process of a test, and the handle to it."""

import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

import httpx2

from gateway.observability.logs import BATCH_S
from tests.contract.fork_server import ForkedGateway
from tests.waiting import PATIENCE_S

ROOT = Path(__file__).parents[2]
PORTS = (10_000, 32_000)

PLAIN = {"PATH", "PYTHONPATH", "PYTHONWARNINGS"}

Process = subprocess.Popen[bytes] | ForkedGateway


def free_port() -> int:
    """A TCP port nobody listens on now, below those that the kernel gives to others meanwhile."""
    while True:
        port = random.SystemRandom().randrange(*PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def free_ports(count: int) -> list[int]:
    """Several such ports, all different."""
    ports: set[int] = set()
    while len(ports) < count:
        ports.add(free_port())
    return list(ports)


def is_forkable(environ: Mapping[str, str]) -> bool:
    """Return whether a gateway starts with nothing that Python itself reads."""
    others = {name for name in environ if not name.startswith("MMHIE_")}
    return others == PLAIN and environ["PYTHONPATH"] == str(ROOT)


class Gateway:
    """A running gateway: its address, its log and its exit code."""

    def __init__(self, folder: Path, engine_url: str, **settings: str) -> None:
        self.port = int(settings.get("MMHIE_PORT") or free_port())
        self.url = f"http://127.0.0.1:{self.port}"
        self.log_file = folder / f"gateway-{self.port}.log"
        environ = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            **{name: v for name, v in os.environ.items() if name.startswith("COVERAGE_")},
            "PYTHONWARNINGS": "error",
            "MMHIE_PORT": str(self.port),
            "MMHIE_ENGINE_URL": engine_url,
            **{name: value for name, value in settings.items() if value is not None},
        }
        self.log_file.touch()
        self.child = self.begin(environ, folder)
        self.client = httpx2.Client(base_url=self.url, timeout=PATIENCE_S, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    def begin(self, environ: Mapping[str, str], folder: Path) -> Process:
        """Start the process: forked where it differs from others in its settings alone."""
        if is_forkable(environ):
            return ForkedGateway(environ, folder, self.log_file)
        return self.executed([sys.executable, "-m", "gateway"], environ, folder)

    def executed(self, command: Sequence[str], environ: Mapping[str, str], folder: Path) -> Process:
        """Start the process by its command line."""
        with self.log_file.open("ab") as log:
            return subprocess.Popen(command, env=environ, cwd=folder, stdout=log, stderr=log)

    def wait(self, path: str = "/readyz") -> Self:
        """Return once a page answers 200."""
        deadline = time.monotonic() + PATIENCE_S
        while not self.answers(path):
            assert self.child.poll() is None, self.log
            assert time.monotonic() < deadline, self.log
            time.sleep(0.02)
        return self

    def answers(self, path: str) -> bool:
        """Return whether a page answers 200 now."""
        try:
            return self.client.get(path).status_code == 200
        except httpx2.TransportError:
            return False

    @property
    def log(self) -> str:
        """Everything it wrote so far; lines leave a few at a time."""
        time.sleep(3 * BATCH_S)
        return self.log_file.read_text(errors="replace")

    def signal(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Send the process a signal."""
        self.child.send_signal(number)

    def exit_code(self, seconds: float = PATIENCE_S) -> int:
        """Wait for its end."""
        return self.child.wait(timeout=seconds)

    def stop(self) -> int:
        """End it in order; its exit code."""
        self.client.close()
        if self.child.poll() is None:
            self.signal()
        return self.exit_code()
