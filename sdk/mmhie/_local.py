"""MMHIE_BACKEND=local: `mmhie serve` as a child process, from first use to the end of this one."""

import atexit
import contextlib
import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path

from mmhie import _fork
from mmhie._config import VARIABLES, LLMConfig
from mmhie._errors import LauncherNotFoundError, LocalStartError, LocalStartTimeoutError

PARENT_DEATH_GUARD = Path(__file__).with_name("_parent_death_guard.py")
GRACE_SECONDS = 20.0
# `mmhie serve` gives up after the same time and names the reason: let it report first.
MARGIN_SECONDS = 10.0
POLL_SECONDS = 0.1
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
        self._owner = os.getpid()
        self._guard: subprocess.Popen[bytes] | None = None
        self._port = 0
        self._holders = 0
        _fork.track(self)

    def hold(self) -> "LocalServer":
        """Count one more client, and return the server."""
        with self._lock:
            self._holders += 1
        return self

    def release(self) -> None:
        """Count one client less; stop the server after the last."""
        with self._lock:
            self._holders -= 1
            if self._holders <= 0:
                self.stop()

    def url(self) -> str:
        """Return the server's address once it is ready; start it, or restart it. Thread-safe.

        Raises LauncherNotFoundError, LocalStartError, LocalStartTimeoutError.
        """
        with self._lock:
            if self._is_inherited() or self._is_running():
                return f"http://127.0.0.1:{self._port}"
            self._start()
            return f"http://127.0.0.1:{self._port}"

    def stop(self) -> None:
        """Stop the server and wait until it is gone; a start in progress in a thread then fails."""
        guard, self._guard = self._guard, None
        if guard is None or self._is_inherited():
            return
        with guard:  # closes our end of the pipe, which is what stops it, and waits
            pass

    def renew_after_fork(self) -> None:
        """Close the child's end of the pipe, so that the parent's end alone counts."""
        self._lock = threading.Lock()
        if self._guard is not None and self._guard.stdin is not None:
            self._guard.stdin.close()
            _fork.keep(self._guard)
        else:
            self._owner = os.getpid()

    def _is_inherited(self) -> bool:
        return self._owner != os.getpid()

    def _is_running(self) -> bool:
        return self._guard is not None and self._guard.poll() is None

    def _start(self) -> None:
        self.stop()
        launcher = find_launcher(self._environ.get("PATH"), Path(sys.executable).parent)
        self._port = free_port()
        self._guard = subprocess.Popen(
            [
                *(sys.executable, "-I", str(PARENT_DEATH_GUARD), str(GRACE_SECONDS)),
                *(str(log_file(self._environ, self._port)), launcher, "serve"),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=child_environ(self._config, self._environ, self._port),
            start_new_session=True,  # Ctrl-C is for this process; it stops the server itself
        )
        with contextlib.ExitStack() as undo:
            undo.callback(self.stop)
            self._wait_ready(self._guard)
            undo.pop_all()

    def _wait_ready(self, guard: subprocess.Popen[bytes]) -> None:
        wait = self._config.start_timeout_seconds
        deadline = time.monotonic() + wait + self._margin_seconds
        while not is_ready(self._port):
            if guard.poll() is not None:
                log = log_file(self._environ, self._port)
                raise LocalStartError(exit_message(guard, log))
            if time.monotonic() > deadline:
                raise LocalStartTimeoutError(
                    f"`mmhie serve` was not ready within {wait:g} s; "
                    "set MMHIE_START_TIMEOUT_SECONDS higher if the model takes longer to load."
                )
            time.sleep(POLL_SECONDS)


def acquire(config: LLMConfig) -> LocalServer:
    """Return the server for `config`, shared by the sync and async clients of this process."""
    return _SERVERS.setdefault(config, LocalServer(config)).hold()


def find_launcher(path: str | None, beside: Path) -> str:
    """Find the `mmhie` command on PATH, else beside Python. Raises LauncherNotFoundError."""
    found = shutil.which("mmhie", path=path) or shutil.which("mmhie", path=str(beside))
    if found is None:
        raise LauncherNotFoundError(
            "MMHIE_BACKEND is local, but the `mmhie` command is not installed; install "
            "mmhie-server beside this application, or set MMHIE_BACKEND=remote and MMHIE_URL."
        )
    return found


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
    return Path(folder).expanduser() / "logs" / f"local-{port}.log"


def exit_message(guard: subprocess.Popen[bytes], log: Path) -> str:
    """Describe the end of a server that was never ready: its exit code, log and last line."""
    if guard.stdout is None or guard.stdout.closed:
        return "`mmhie serve` was stopped before it was ready."
    report = json.loads(guard.stdout.read() or b"{}")
    code, line = report.get("code", "unknown"), report.get("last_line")
    last = f" Its last line: {line}" if line else ""
    return f"`mmhie serve` ended with exit code {code} before it was ready (log: {log}).{last}"


def _written(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "null" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


@atexit.register
def _stop_all() -> None:
    for server in list(_SERVERS.values()):
        with contextlib.suppress(OSError):
            server.stop()
