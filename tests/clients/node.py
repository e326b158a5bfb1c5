"""Runner of the npm client's cases."""

import json
import subprocess
from pathlib import Path
from typing import Any

from requirements import programs
from tests.waiting import PATIENCE_S

FOLDER = Path(__file__).parent
INSTALLED = FOLDER / "node_modules" / "openai" / "package.json"


def is_here() -> bool:
    """Return whether node and npm are installed."""
    return not programs.reason("node", "npm")


def install() -> None:
    """Install the pinned client beside the driver, unless it is there already."""
    wanted = json.loads((FOLDER / "package.json").read_text())["dependencies"]["openai"]
    if INSTALLED.exists() and json.loads(INSTALLED.read_text())["version"] == wanted:
        return
    subprocess.run(["npm", "ci"], cwd=FOLDER, check=True, capture_output=True, timeout=300)


def run(base_url: str, model: str, case: str) -> dict[str, Any]:
    """Run a case; return `{"result": ...}`, or `{"error": ...}` for an exception."""
    command = ["node", "driver.mjs", base_url, model, case]
    done = subprocess.run(
        command, cwd=FOLDER, capture_output=True, text=True, timeout=PATIENCE_S, check=True
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def result(base_url: str, model: str, case: str) -> dict[str, Any]:
    """Return the result of a case that must succeed."""
    found = run(base_url, model, case)
    assert "result" in found, found
    return dict(found["result"])


def error(base_url: str, model: str, case: str) -> dict[str, Any]:
    """Return the error of a case that must fail."""
    found = run(base_url, model, case)
    assert "error" in found, found
    return dict(found["error"])
