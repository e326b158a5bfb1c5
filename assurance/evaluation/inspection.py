"""Run Inspect as a child process, since its packages clash with the engine's."""

import hashlib
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from launcher.errors import LauncherError, MissingPackage
from launcher.json_types import JsonView

TASKS: Final = Path(__file__).with_name("tasks.py")
PROVIDER: Final = "gateway"  # Inspect reads GATEWAY_BASE_URL and GATEWAY_API_KEY
# Defaults; options of --inspect-args come after them and win.
OPTIONS: Final = (
    *("--log-format", "json", "--fail-on-error", "10"),
    *("--retry-attempts", "0", "--no-retry-immediate"),
)
LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")  # which no proxy reaches


class InspectFailed(LauncherError):
    """Inspect ended before every question was answered."""

    exit_code = 1


@dataclass(frozen=True, slots=True)
class Order:
    """One run: the service, the tasks with their arguments, and the folder of the logs."""

    url: str
    key: str | None
    model: str
    served: JsonView
    tasks: Sequence[str]
    arguments: Sequence[str]
    logs: Path


def find_python(cache: Path) -> Path:
    """Return a Python that has Inspect: this one, or the one in `evaluate/` in the cache.

    Raises MissingPackage.
    """
    if importlib.util.find_spec("inspect_ai"):
        return Path(sys.executable)
    place = cache / "evaluate"
    interpreter = place / "bin" / "python"
    if not interpreter.is_file():
        raise MissingPackage(
            f"Inspect is not installed: run `python3 -m venv {place} && {place}/bin/pip install "
            "--no-deps --require-hashes -r requirements/evaluate.txt`."
        )
    return interpreter


def run_inspect(interpreter: Path, order: Order, *, is_silent: bool) -> None:
    """Run `inspect eval-set`; its progress goes to standard error. Raises InspectFailed."""
    order.logs.mkdir(mode=0o700, parents=True, exist_ok=True)  # the logs have every text
    command = [str(interpreter), "-m", "inspect_ai", *arguments(order)]
    display = {"INSPECT_DISPLAY": "none"} if is_silent else {}
    environ = {**child_environ(os.environ, order), **display}
    try:
        code = subprocess.run(command, env=environ, stdout=sys.stderr, check=False).returncode
    except KeyboardInterrupt:
        raise InspectFailed(f"Stopped; the same command goes on from {order.logs}.") from None
    if code:
        raise InspectFailed(
            f"Inspect ended with {code} before every question was answered. The same command goes "
            f"on from {order.logs}; another service, or other suites, need another --logs."
        )


def arguments(order: Order) -> list[str]:
    """Return the command line of Inspect; its `--id` ties a folder of logs to one service."""
    served = json.dumps(order.served, sort_keys=True)
    identity = hashlib.sha256(f"{order.model}\n{served}".encode()).hexdigest()[:16]
    return [
        "eval-set",
        *(f"{TASKS}@{task}" for task in order.tasks),
        *("--model", f"openai-api/{PROVIDER}/{order.model}"),
        *("--log-dir", str(order.logs), "--id", identity, "--metadata", f"served={served}"),
        *OPTIONS,
        *order.arguments,
    ]


def child_environ(environ: Mapping[str, str], order: Order) -> dict[str, str]:
    """Return the environment of Inspect, without our settings, some of which are secret.

    Its buffers have texts of questions, so they are written beside the logs.
    """
    others = {n: v for n, v in environ.items() if not n.startswith(("MMHIE_", "PYTHON"))}
    return {
        **others,
        "NO_PROXY": ",".join((environ.get("NO_PROXY", ""), *LOOPBACK)).strip(","),
        "XDG_DATA_HOME": str(order.logs / ".inspect"),
        f"{PROVIDER.upper()}_BASE_URL": f"{order.url}/v1",
        f"{PROVIDER.upper()}_API_KEY": order.key or "none",
    }
