"""MMHIE_BACKEND=local: one `mmhie serve` for all processes with the same configuration."""

import atexit
import contextlib
import hashlib
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
from pathlib import Path

from mmhie import _fork
from mmhie._config import VARIABLES, LLMConfig
from mmhie._errors import ConfigError, MMHIEError, ServiceTimeoutError, UnavailableError
from mmhie._port_file import PortFile

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

_SERVERS: dict[Path, "LocalServer"] = {}


class LocalServer:
    """The server of one configuration, for all clients of this process.

    The first process that needs it starts it, and it ends with that process. Others use it
    meanwhile, forked ones too; when it is gone, the next request starts another.
    """

    def __init__(self, environ: Mapping[str, str], port_file: Path, seconds: float) -> None:
        self._environ = environ
        self._port_file = PortFile(port_file)
        self._seconds = seconds
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0  # where a server was ready
        _fork.track(self)

    def deadline(self) -> float:
        """Return the time at which a caller who starts waiting now gives up."""
        return time.monotonic() + self._seconds + MARGIN_SECONDS

    def poll(self, deadline: float) -> str | None:
        """Return the address of a server that is ready; start ours where there is none.

        Thread-safe. Raises ConfigError, UnavailableError, ServiceTimeoutError.
        """
        with self._lock:
            if self._is_ready():
                return f"http://127.0.0.1:{self._port}"
            if (failure := self._failure(deadline)) is not None:
                self.stop()
                raise failure
            return None

    def stop(self) -> None:
        """End our server, and let another process start one."""
        self._port_file.write(0)
        process, self._process, self._port = self._process, None, 0
        if process is not None and process.stdin is not None:
            process.stdin.close()  # which is what stops it
            try:
                process.wait(GRACE_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        self._port_file.close()

    def renew_after_fork(self) -> None:
        """Use the parent's server in a forked child, whose copies must not keep it alive."""
        self._lock = threading.Lock()
        self._port_file.close()
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
            _fork.keep(self._process)
        self._process = None

    def _is_ready(self) -> bool:
        """Return whether our server is ready, or another process's; start ours if there is none."""
        if self._port and self._process is not None and self._process.poll() is not None:
            self.stop()  # it has died since it was ready
        if self._process is None and self._port_file.lock():
            self._start()
        port = self._port_file.port()
        if port not in (0, self._port) and answers(port):
            self._port = port
        return port == self._port != 0

    def _start(self) -> None:
        self._port = 0
        try:
            self._process = self._spawn(free_port())
        except (ConfigError, OSError):
            self._port_file.close()
            raise

    def _spawn(self, port: int) -> "subprocess.Popen[bytes]":
        launcher = find_launcher(os.environ.get("PATH"), Path(sys.executable).parent)
        process = subprocess.Popen(
            [launcher, "serve", "--with-parent"],
            stdin=subprocess.PIPE,
            stdout=2,  # what it prints is for people
            env={**self._environ, "MMHIE_PORT": str(port)},
            start_new_session=True,  # Ctrl-C is for this process; it stops the server itself
        )
        self._port_file.write(port)
        return process

    def _failure(self, deadline: float) -> MMHIEError | None:
        """Return the reason to wait no longer."""
        if self._process is not None and (exit_code := self._process.poll()) is not None:
            return UnavailableError(ENDED.format(exit_code), code="local_start")
        if time.monotonic() > deadline:
            return ServiceTimeoutError(TOO_SLOW.format(self._seconds), code="local_start_timeout")
        return None


def server_for(config: LLMConfig) -> LocalServer:
    """Return the server for a configuration, shared by all clients of this process."""
    environ = child_environ(config, os.environ)
    path = port_file(environ)
    return _SERVERS.setdefault(path, LocalServer(environ, path, config.start_timeout_seconds))


def find_launcher(path: str | None, beside: Path) -> str:
    """Find the `mmhie` command on PATH, else beside Python. Raises ConfigError."""
    launcher = shutil.which("mmhie", path=path) or shutil.which("mmhie", path=str(beside))
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


def port_file(environ: Mapping[str, str]) -> Path:
    """Return the file of the server with these settings on this machine."""
    settings = sorted(item for item in environ.items() if item[0].startswith("MMHIE_"))
    name = hashlib.sha256(repr((socket.gethostname(), settings)).encode()).hexdigest()[:16]
    folder = environ.get("MMHIE_CACHE_DIR") or "~/.cache/mmhie"
    return Path(folder).expanduser() / "local" / name


def free_port() -> int:
    """Return a loopback port that is free now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def answers(port: int) -> bool:
    """Return whether /readyz answers 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2.0)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _written(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "null" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


@atexit.register
def _stop_all() -> None:
    for server in list(_SERVERS.values()):
        with contextlib.suppress(OSError):
            server.stop()
