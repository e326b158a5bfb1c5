"""`mmhie version`: an inventory of this environment."""

import json
import platform
from importlib import metadata
from pathlib import Path

from tests.launcher.cli.test_app import mmhie


def test_in_a_line(tmp_path: Path) -> None:
    """This program, Python and the engine."""
    done = mmhie(tmp_path, "version")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"mmhie {metadata.version('mmhie-server')}, Python 3.")
    assert "vllm" in done.stdout


def test_as_an_inventory(tmp_path: Path) -> None:
    """Every package with its version."""
    document = json.loads(mmhie(tmp_path, "version", "--json").stdout)
    assert document["version"] == metadata.version("mmhie-server")
    assert document["python"] == platform.python_version()
    assert document["packages"]["fastapi"] == metadata.version("fastapi")
    assert len(document["packages"]) > 30
