"""`mmhie serve` with vLLM as a child process of a test, and the handle to it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import psutil

from tests.contract.process import free_port
from tests.waiting import PATIENCE_S

MMHIE = Path(sys.executable).with_name("mmhie")
START_S = STOP_S = 600.0  # beside three other engines a start of 20 seconds takes minutes
# Left to itself, an engine binds its one thread to the first of two cores, and so does the next.
UNBOUND = {"VLLM_CPU_OMP_THREADS_BIND": "nobind", "OMP_NUM_THREADS": "1"}


@dataclass(eq=False)
class Stack:
    """A running `mmhie serve`: where it is, its processes, what it wrote, its phases."""

    process: subprocess.Popen[bytes]
    base_url: str
    log: Path
    phases: list[dict[str, Any]] = field(default_factory=list)

    def client(self) -> httpx2.Client:
        """A client of the gateway."""
        return httpx2.Client(base_url=self.base_url, timeout=PATIENCE_S, trust_env=False)

    def direct(self) -> httpx2.Client:
        """A client of the engine itself, past the gateway."""
        transport = httpx2.HTTPTransport(uds=str(self.engine_socket))
        key = {"authorization": f"Bearer {self.engine_key}"}
        return httpx2.Client(
            transport=transport, base_url="http://engine", headers=key, timeout=PATIENCE_S
        )

    @property
    def model(self) -> str:
        """The served model's public id."""
        with self.client() as client:
            return str(client.get("/v1/models").json()["data"][0]["id"])

    @property
    def engine_socket(self) -> Path:
        return Path(self.gateway_environ["MMHIE_ENGINE_URL"].removeprefix("unix:"))

    @property
    def engine_key(self) -> str:
        return self.gateway_environ["MMHIE_ENGINE_API_KEY"]

    @property
    def gateway_environ(self) -> Mapping[str, str]:
        """Variables that the launcher gave the gateway."""
        environ: dict[str, str] = self.find("-m gateway").environ()
        return environ

    def find(self, words: str) -> psutil.Process:
        """The process below the launcher whose command line contains these words."""
        return [process for process in self.processes() if words in command_line(process)][-1]

    def processes(self) -> list[psutil.Process]:
        """Everything below the launcher, guards included."""
        children: list[psutil.Process] = psutil.Process(self.process.pid).children(recursive=True)
        return children

    def health(self) -> dict[str, Any]:
        """/healthz, or nothing while nobody answers."""
        try:
            with urllib.request.urlopen(f"{self.base_url}/healthz", timeout=5) as answer:
                health: dict[str, Any] = json.load(answer)
                return health
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return {}

    def note(self) -> str:
        """Look at the health once and keep each new moment of it; the phase."""
        health = self.health()
        moment = {name: health.get(name) for name in ("phase", "progress", "detail")}
        if health and moment not in self.phases[-1:]:
            self.phases.append(moment)
        return str(health.get("phase"))

    def until(self, phase: str, seconds: float = START_S) -> None:
        """Wait for a phase."""
        began = time.monotonic()
        while self.note() != phase:
            assert self.process.poll() is None, self.log.read_text()[-4000:]
            assert time.monotonic() - began < seconds, (self.phases, self.log.read_text()[-4000:])
            time.sleep(0.3)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to stop; its exit code."""
        self.process.send_signal(number)
        return self.process.wait(timeout=STOP_S)


def command_line(process: psutil.Process) -> str:
    """Return the command of a process, nothing of one that has ended."""
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:  # a zombie is one
        return ""


def alive(processes: Iterable[psutil.Process]) -> list[psutil.Process]:
    return [process for process in processes if is_alive(process)]


def is_alive(one: psutil.Process) -> bool:
    try:
        return bool(one.is_running() and one.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def environment(**ours: str) -> dict[str, str]:
    """The machine's own environment with none of our settings in it but these."""
    theirs = {name: value for name, value in os.environ.items() if not name.startswith("MMHIE_")}
    return {**theirs, **UNBOUND, **ours}


def start(folder: Path, **ours: str) -> Stack:
    """`mmhie serve` on a free port, in a folder without a .env file."""
    default = {"MMHIE_REASONER_MODEL": "embedded", "MMHIE_TIMEOUT_SECONDS": "120"}
    settings = {**default, "MMHIE_HOST": "127.0.0.1", "MMHIE_PORT": str(free_port()), **ours}
    log = folder / f"serve-{time.monotonic_ns()}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [MMHIE, "serve"],
            cwd=folder,
            env=environment(**settings),
            stdout=output,
            stderr=output,
        )
    return Stack(process, f"http://{settings['MMHIE_HOST']}:{settings['MMHIE_PORT']}", log)


@contextmanager
def running(folder: Path, **ours: str) -> Iterator[Stack]:
    """Start it, wait until it is ready, and end it in order, if nobody else has."""
    stack = start(folder, **ours)
    try:
        stack.until("ready")
        yield stack
    finally:
        if stack.process.poll() is None:
            stack.stop()
