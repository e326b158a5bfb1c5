"""Runner of the npm clients' cases."""

import json
import subprocess
from pathlib import Path
from typing import Any

from requirements import programs
from tests.waiting import PATIENCE_S

FOLDER = Path(__file__).parent
OPENAI = "driver.mjs"
MODULES = FOLDER / "node_modules"


def is_here() -> bool:
    """Return whether node and npm are installed."""
    return not programs.reason("node", "npm")


def install() -> None:
    """Install the pinned clients beside the drivers, unless they are there already."""
    wanted = json.loads((FOLDER / "package.json").read_text())["dependencies"]
    if all(installed(name) == version for name, version in wanted.items()):
        return
    subprocess.run(["npm", "ci"], cwd=FOLDER, check=True, capture_output=True, timeout=300)


def installed(name: str) -> str:
    """Return the version of a package that is here; empty for none."""
    description = MODULES / name / "package.json"
    return str(json.loads(description.read_text())["version"]) if description.exists() else ""


def run(base_url: str, model: str, case: str, *, driver: str = OPENAI) -> dict[str, Any]:
    """Run a case; return `{"result": ...}`, or `{"error": ...}` for an exception."""
    command = ["node", driver, base_url, model, case]
    done = subprocess.run(
        command, cwd=FOLDER, capture_output=True, text=True, timeout=PATIENCE_S, check=True
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def result(base_url: str, model: str, case: str, *, driver: str = OPENAI) -> dict[str, Any]:
    """Return the result of a case that must succeed."""
    found = run(base_url, model, case, driver=driver)
    assert "result" in found, found
    return dict(found["result"])


def error(base_url: str, model: str, case: str, *, driver: str = OPENAI) -> dict[str, Any]:
    """Return the error of a case that must fail."""
    found = run(base_url, model, case, driver=driver)
    assert "error" in found, found
    return dict(found["error"])
