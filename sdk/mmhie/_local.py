"""MMHIE_BACKEND=local: a `mmhie serve` of this process, for all clients with one configuration."""

import atexit
import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from mmhie import _fork
from mmhie._config import VARIABLES, LLMConfig
from mmhie._errors import ConfigError, MMHIEError, ServiceTimeoutError, UnavailableError

GRACE_SECONDS = 20.0
# `mmhie serve` gives up after the same time and names the reason: let it report first.
MARGIN_SECONDS = 10.0
CLIENT_ONLY = frozenset({"MMHIE_URL", "MMHIE_API_KEY", "MMHIE_BACKEND"})
NOT_INSTALLED = (
    "MMHIE_BACKEND is local, but the `mmhie` command is not installed; install mmhie-server beside "
    "this application, or set MMHIE_BACKEND=remote and MMHIE_URL."
)
ENDED = "`mmhie serve` ended with exit code {} before it was ready; it says why on standard error."
TOO_SLOW = (
    "`mmhie serve` was not ready within {:g} s; set MMHIE_START_TIMEOUT_SECONDS higher if the "
    "model takes longer to load."
)

_SERVERS: dict[frozenset[tuple[str, str]], "LocalServer"] = {}


class LocalServer:
    """A child process that the first request starts, and that ends with this process.

    Forked processes use their parent's; when it is gone, the next request starts another.
    """

    def __init__(self, config: LLMConfig) -> None:
        self._config = config
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0
        self._was_ready = False
        _fork.track(self)

    def deadline(self) -> float:
        """Return the time at which a caller who starts waiting now gives up."""
        return time.monotonic() + self._config.start_timeout_seconds + MARGIN_SECONDS

    def poll(self, deadline: float) -> str | None:
        """Return the server's address once it is ready; start it if it does not run.

        Thread-safe. Raises ConfigError, UnavailableError, ServiceTimeoutError.
        """
        with self._lock:
            if self._was_ready and not self._is_running():
                self.stop()
            if not self._port:
                self._start(free_port())
            self._was_ready = self._was_ready or answers(self._port)
            if self._was_ready:
                return f"http://127.0.0.1:{self._port}"
            if (failure := self._failure(deadline)) is not None:
                self.stop()
                raise failure
            return None

    def stop(self) -> None:
        """End the server, unless it is the parent's."""
        process, self._process = self._process, None
        self._port, self._was_ready = 0, False
        if process is None or process.stdin is None:
            return
        process.stdin.close()  # which is what stops it
        try:
            process.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def renew_after_fork(self) -> None:
        """Use the parent's server in a forked child, whose copies must not keep it alive."""
        self._lock = threading.Lock()
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
            _fork.keep(self._process)
        self._process = None

    def _is_running(self) -> bool:
        if self._process is None:  # the parent's
            return answers(self._port)
        return self._process.poll() is None

    def _start(self, port: int) -> None:
        launcher = find_launcher(os.environ.get("PATH", ""), Path(sys.executable).parent)
        self._process = subprocess.Popen(
            [launcher, "serve", "--with-parent"],
            stdin=subprocess.PIPE,
            stdout=2,  # what it prints is for people
            env={**child_environ(self._config, os.environ), "MMHIE_PORT": str(port)},
            start_new_session=True,  # Ctrl-C is for this process; it stops the server itself
        )
        self._port = port

    def _failure(self, deadline: float) -> MMHIEError | None:
        """Return the reason to wait no longer."""
        if self._process is not None and (exit_code := self._process.poll()) is not None:
            return UnavailableError(ENDED.format(exit_code), code="local_start")
        if time.monotonic() > deadline:
            seconds = self._config.start_timeout_seconds
            return ServiceTimeoutError(TOO_SLOW.format(seconds), code="local_start_timeout")
        return None


def server_for(config: LLMConfig) -> LocalServer:
    """Return the server for a configuration, shared by all clients of this process."""
    settings = frozenset(child_environ(config, {}).items())
    return _SERVERS.setdefault(settings, LocalServer(config))


def find_launcher(path: str, beside: Path) -> str:
    """Find the `mmhie` command on PATH, else in the folder of Python. Raises ConfigError."""
    launcher = shutil.which("mmhie", path=f"{path}{os.pathsep}{beside}")
    if launcher is None:
        raise ConfigError(NOT_INSTALLED)
    return launcher


def child_environ(config: LLMConfig, environ: Mapping[str, str]) -> dict[str, str]:
    """Return this process's environment with the values of the configuration."""
    values = {
        variable: _written(getattr(config, name))
        for name, (variable, *_) in VARIABLES.items()
        if variable not in CLIENT_ONLY
    }
    others = {name: text for name, text in environ.items() if name not in CLIENT_ONLY}
    return {**others, **values, "MMHIE_HOST": "127.0.0.1"}


def _written(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "null" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def free_port() -> int:
    """Return a loopback port that is free now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def answers(port: int) -> bool:
    """Return whether /readyz answers 200."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=2.0)) as connection:
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False


@atexit.register
def _stop_all() -> None:
    for server in list(_SERVERS.values()):
        server.stop()
