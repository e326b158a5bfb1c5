"""Modules that only a setting needs: loaded, they are memory and time of the start."""

import subprocess
import sys

import pytest

from tests.contract.process import ROOT

PROGRAM = """
import sys
import gateway.cli.hold, gateway.cli.keys, gateway.processes.startup_checks
from gateway.app import create_app
from gateway.settings.gateway import GatewaySettings
create_app(GatewaySettings())
print(*sys.modules)
"""


@pytest.fixture(scope="module")
def loaded() -> set[str]:
    """The modules of a gateway without settings, and of an operator's command."""
    command = [sys.executable, "-c", PROGRAM]
    environ = {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize("module", ["cryptography.hazmat.primitives.hpke", "redis", "sqlite3"])
def test_what_is_switched_off_is_not_loaded(loaded: set[str], module: str) -> None:
    """The vault's cipher, the shared state's client, the database of feedback."""
    assert "gateway.app" in loaded
    assert module not in loaded
