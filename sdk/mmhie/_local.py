"""MMHIE_BACKEND=local: `mmhie serve` as a child process, from first use to the end of this one."""

import atexit
import contextlib
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
from mmhie._errors import ConfigError, ServiceTimeoutError, UnavailableError

GRACE_SECONDS = 20.0
# `mmhie serve` gives up after the same time and names the reason: let it report first.
MARGIN_SECONDS = 10.0
POLL_SECONDS = 0.1
MAX_LINE = 500
CLIENT_ONLY = frozenset({"MMHIE_URL", "MMHIE_API_KEY", "MMHIE_BACKEND"})

_SERVERS: dict[LLMConfig, "LocalServer"] = {}


class LocalServer:
    """One `mmhie serve` for all clients of this process that have the same configuration.

    Only the process that started it stops it; a forked child uses its parent's.
    """

    def __init__(
        self,
        config: LLMConfig,
        environ: Mapping[str, str] | None = None,
        *,
        margin_seconds: float = MARGIN_SECONDS,
    ) -> None:
        self._config = config
        self._environ = os.environ if environ is None else environ
        self._margin_seconds = margin_seconds
        self._lock = threading.Lock()
        self._count_lock = threading.Lock()  # not the other, which a start holds for minutes
        self._owner = os.getpid()
        self._process: subprocess.Popen[bytes] | None = None
        self._last_line = ""
        self._port = 0
        self._holders = 0
        _fork.track(self)

    def hold(self) -> "LocalServer":
        """Count one more client, and return the server."""
        with self._count_lock:
            self._holders += 1
        return self

    def release(self) -> None:
        """Count one client less; stop the server after the last, and a start that goes on."""
        with self._count_lock:
            self._holders -= 1
            if self._holders <= 0:
                self.stop()

    def url(self) -> str:
        """Return the server's address once it is ready; start it, or restart it. Thread-safe.

        Raises ConfigError, UnavailableError, ServiceTimeoutError.
        """
        with self._lock:
            if not (self._is_inherited() or self._is_running()):
                self._start()
            return f"http://127.0.0.1:{self._port}"

    def stop(self) -> None:
        """Stop the server and wait until it is gone; a start in progress in a thread then fails."""
        process, self._process = self._process, None
        if process is None or process.stdin is None or self._is_inherited():
            return
        process.stdin.close()  # which is what stops it
        try:
            process.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def renew_after_fork(self) -> None:
        """Close the child's end of the pipe, so that the parent's end alone counts."""
        self._lock, self._count_lock = threading.Lock(), threading.Lock()
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
            _fork.keep(self._process)
        else:
            self._owner = os.getpid()

    def _is_inherited(self) -> bool:
        return self._owner != os.getpid()

    def _is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def _start(self) -> None:
        self.stop()
        launcher = find_launcher(self._environ.get("PATH"), Path(sys.executable).parent)
        self._port = free_port()
        self._process = process = subprocess.Popen(
            [launcher, "serve", "--with-parent"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=child_environ(self._config, self._environ, self._port),
            start_new_session=True,  # Ctrl-C is for this process; it stops the server itself
        )
        with contextlib.ExitStack() as undo:
            undo.callback(self.stop)
            relay = threading.Thread(target=self._relay, args=(process,), daemon=True)
            relay.start()
            self._wait_ready(process, relay)
            undo.pop_all()

    def _relay(self, process: subprocess.Popen[bytes]) -> None:
        """Copy what the server says to standard error, and keep its last line."""
        with process.stdout or contextlib.nullcontext(()) as lines:
            for line in lines:
                said = line.decode(errors="replace").strip()[:MAX_LINE]
                self._last_line = said or self._last_line
                with contextlib.suppress(OSError):  # ours may be gone, or a file on a full disk
                    os.write(2, line)

    def _wait_ready(self, process: subprocess.Popen[bytes], relay: threading.Thread) -> None:
        wait = self._config.start_timeout_seconds
        deadline = time.monotonic() + wait + self._margin_seconds
        while not is_ready(self._port):
            if process.poll() is not None:
                relay.join(1.0)  # a grandchild may hold the pipe open for ever
                raise UnavailableError(self._ending(process))
            if time.monotonic() > deadline:
                raise ServiceTimeoutError(
                    f"`mmhie serve` was not ready within {wait:g} s; "
                    "set MMHIE_START_TIMEOUT_SECONDS higher if the model takes longer to load."
                )
            time.sleep(POLL_SECONDS)

    def _ending(self, process: subprocess.Popen[bytes]) -> str:
        """Describe the end of a server that was never ready."""
        if self._process is not process:
            return "`mmhie serve` was stopped before it was ready."
        log = log_file(self._environ, self._port)
        where = f" (log: {log})" if log.exists() else ""
        said = f" Its last line: {self._last_line}" if self._last_line else ""
        ended = f"`mmhie serve` ended with exit code {process.returncode} before it was ready"
        return f"{ended}{where}.{said}"


def acquire(config: LLMConfig) -> LocalServer:
    """Return the server for `config`, shared by the sync and async clients of this process."""
    return _SERVERS.setdefault(config, LocalServer(config)).hold()


def find_launcher(path: str | None, beside: Path) -> str:
    """Find the `mmhie` command on PATH, else beside Python. Raises ConfigError."""
    launcher = shutil.which("mmhie", path=path) or shutil.which("mmhie", path=str(beside))
    if launcher is None:
        raise ConfigError(
            "MMHIE_BACKEND is local, but the `mmhie` command is not installed; install "
            "mmhie-server beside this application, or set MMHIE_BACKEND=remote and MMHIE_URL."
        )
    return launcher


def child_environ(config: LLMConfig, environ: Mapping[str, str], port: int) -> dict[str, str]:
    """Return this process's environment with the values of the configuration and the port."""
    values = {
        variable: _written(getattr(config, name))
        for name, (variable, *_) in VARIABLES.items()
        if variable not in CLIENT_ONLY
    }
    kept = {name: text for name, text in environ.items() if name not in CLIENT_ONLY}
    return {**kept, **values, "MMHIE_HOST": "127.0.0.1", "MMHIE_PORT": str(port)}


def free_port() -> int:
    """Return a loopback port that is free now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def is_ready(port: int) -> bool:
    """Return whether /readyz answers 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2.0)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def log_file(environ: Mapping[str, str], port: int) -> Path:
    """Return the file for the lines of a server's programs."""
    folder = environ.get("MMHIE_CACHE_DIR") or "~/.cache/mmhie"
    return Path(folder).expanduser() / "logs" / f"serve-{port}.log"


def _written(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "null" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


@atexit.register
def _stop_all() -> None:
    for server in list(_SERVERS.values()):
        with contextlib.suppress(OSError):
            server.stop()
