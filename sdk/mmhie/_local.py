"""MMHIE_BACKEND=local: a `mmhie serve` of this process, for all clients with one configuration."""

import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

import httpx2

from mmhie._config import VARIABLES, LLMConfig
from mmhie._errors import ConfigError, UnavailableError

CLIENT_ONLY = frozenset({"MMHIE_URL", "MMHIE_API_KEY", "MMHIE_BACKEND"})
NOT_INSTALLED = (
    "MMHIE_BACKEND is local, but the `mmhie` command is not installed; install mmhie-server beside "
    "this application, or set MMHIE_BACKEND=remote and MMHIE_URL."
)
ENDED = "`mmhie serve` ended with exit code {}; it says why on standard error."

_SERVERS: dict[LLMConfig, "LocalServer"] = {}


class LocalServer:
    """A child process that the first request starts, and that ends with this process.

    It gives up by itself after MMHIE_START_TIMEOUT_SECONDS.
    """

    def __init__(self, config: LLMConfig) -> None:
        self._config = config
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._is_ready = False
        self.url = ""

    def poll(self) -> bool:
        """Return whether the server is ready; start it if it does not run.

        Thread-safe. Raises ConfigError, or UnavailableError once if it has ended.
        """
        with self._lock:
            if self._process is None:
                self._start()
            elif (exit_code := self._process.poll()) is not None:
                self._process.communicate()  # closes its standard input
                self._process, self._is_ready = None, False
                raise UnavailableError(ENDED.format(exit_code), code="local_start")
            self._is_ready = self._is_ready or answers(self.url)
            return self._is_ready

    def _start(self) -> None:
        port = free_port()
        launcher = find_launcher(os.environ.get("PATH", ""), Path(sys.executable).parent)
        self._process = subprocess.Popen(
            [launcher, "serve", "--with-parent"],
            stdin=subprocess.PIPE,
            stdout=2,  # what it prints is for people
            env={**child_environ(self._config, os.environ), "MMHIE_PORT": str(port)},
            start_new_session=True,  # Ctrl-C is for this process, whose end stops the server
        )
        self.url = f"http://127.0.0.1:{port}"


def server_for(config: LLMConfig) -> LocalServer:
    """Return the server for a configuration, shared by all clients of this process."""
    return _SERVERS.get(config) or _SERVERS.setdefault(config, LocalServer(config))


def find_launcher(path: str, beside: Path) -> str:
    """Find the `mmhie` command on PATH, else in the folder of Python. Raises ConfigError."""
    launcher = shutil.which("mmhie", path=f"{path}{os.pathsep}{beside}")
    if launcher is None:
        raise ConfigError(NOT_INSTALLED)
    return launcher


def child_environ(config: LLMConfig, environ: Mapping[str, str]) -> dict[str, str]:
    """Return this process's environment with the values of the configuration."""
    variables = {variable: getattr(config, name) for name, (variable, _) in VARIABLES.items()}
    values = {variable: _written(value) for variable, value in variables.items()}
    given = {**environ, **values, "MMHIE_HOST": "127.0.0.1"}
    return {name: text for name, text in given.items() if name not in CLIENT_ONLY}


def _written(value: object) -> str:
    return (
        "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    )


def free_port() -> int:
    """Return a loopback port that is free now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def answers(url: str) -> bool:
    """Return whether /readyz answers 200."""
    try:
        return httpx2.get(f"{url}/readyz", timeout=2.0, trust_env=False).status_code == 200
    except httpx2.TransportError:
        return False
