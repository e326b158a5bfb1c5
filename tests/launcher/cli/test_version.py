"""`mmhie version`: an inventory of this environment."""

import json
import platform
from importlib import metadata

from tests.command import Command


def test_the_inventory(command: Command) -> None:
    """This program, Python and the engine in a line; every package with its version as JSON."""
    line, _ = command.run("version")
    document = json.loads(command.run("version", "--json")[0])

    assert line.startswith(f"mmhie {metadata.version('mmhie-server')}, Python 3.")
    assert "vllm" in line
    assert document["version"] == metadata.version("mmhie-server")
    assert document["python"] == platform.python_version()
    assert document["packages"]["fastapi"] == metadata.version("fastapi")
    assert len(document["packages"]) > 30
