"""The npm clients, beside this file once they are installed."""

import json
import subprocess
from pathlib import Path

from requirements import programs

FOLDER = Path(__file__).parent
DRIVERS = FOLDER.parent / "compatibility" / "drivers"
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
