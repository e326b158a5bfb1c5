"""Run Inspect as a child process, since its packages clash with the engine's."""

import hashlib
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
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


def find_python(cache: Path) -> Path:
    """Return a Python that has Inspect, this one or the cache's. Raises MissingPackage."""
    if importlib.util.find_spec("inspect_ai"):
        return Path(sys.executable)
    place = cache / "evaluate"
    if not (interpreter := place / "bin" / "python").is_file():
        raise MissingPackage(
            f"Inspect is not installed: run `python3 -m venv {place} && {place}/bin/pip install "
            "--no-deps --require-hashes -r requirements/evaluate.txt`."
        )
    return interpreter


def run_inspect(command: Sequence[str], environ: Mapping[str, str], logs: Path) -> None:
    """Run `inspect eval-set`; its progress goes to standard error. Raises InspectFailed."""
    logs.mkdir(mode=0o700, parents=True, exist_ok=True)  # the logs have every text
    again = f"The same command goes on from {logs.absolute()}"
    try:
        code = subprocess.run(command, env=environ, stdout=sys.stderr, check=False).returncode
    except KeyboardInterrupt:
        raise InspectFailed(f"Stopped. {again}.") from None
    if code:
        raise InspectFailed(
            f"Inspect ended with {code} before every question was answered. {again}; another "
            "service, or other suites, need another --logs."
        )


def arguments(tasks: Sequence[str], model: str, served: JsonView, logs: Path) -> list[str]:
    """Return the arguments of Python; Inspect's `--id` ties a folder of logs to one service."""
    facts = json.dumps(served, sort_keys=True)
    identity = hashlib.sha256(f"{model}\n{facts}".encode()).hexdigest()[:16]
    return [
        *("-m", "inspect_ai", "eval-set", *(f"{TASKS}@{task}" for task in tasks)),
        *("--model", f"openai-api/{PROVIDER}/{model}"),
        *("--log-dir", str(logs), "--id", identity, "--metadata", f"served={facts}"),
        *OPTIONS,
    ]


def child_environ(url: str, key: str | None, logs: Path) -> dict[str, str]:
    """Return the environment of Inspect, without our settings, some of which are secret.

    Its buffers have texts of questions, so they are written beside the logs.
    """
    others = {n: v for n, v in os.environ.items() if not n.startswith(("MMHIE_", "PYTHON"))}
    return {
        **others,
        "NO_PROXY": ",".join((os.environ.get("NO_PROXY", ""), *LOOPBACK)).strip(","),
        "XDG_DATA_HOME": str(logs / ".inspect"),
        f"{PROVIDER.upper()}_BASE_URL": f"{url}/v1",
        f"{PROVIDER.upper()}_API_KEY": key or "none",
    }
