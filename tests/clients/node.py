"""Runner of the npm clients' cases."""

import functools
import json
import subprocess
from pathlib import Path
from typing import Any

from requirements import programs
from tests.compatibility.driven import Driven

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


@functools.cache
def driven(base_url: str, model: str, driver: str) -> Driven:
    """Return the one process of a driver for this address."""
    return Driven(["node", str(FOLDER / driver)], base_url, model)


def result(base_url: str, model: str, case: str, *, driver: str = OPENAI) -> dict[str, Any]:
    """Return the result of a case that must succeed."""
    return driven(base_url, model, driver).result(case)


def error(base_url: str, model: str, case: str, *, driver: str = OPENAI) -> dict[str, Any]:
    """Return the error of a case that must fail."""
    return driven(base_url, model, driver).error(case)
