"""A client that openapi-python-client generates from /openapi.json."""

import subprocess
from pathlib import Path

import pytest

from tests.compatibility.environment import LOCKS, python_with
from tests.contract.process import Gateway

pytestmark = pytest.mark.slow  # making the environment takes half a minute, once

DRIVER = Path(__file__).parent / "drivers" / "generated_client.py"


def test_it_calls_generate(gateway: Gateway, tmp_path: Path) -> None:
    """No part of the document is left out of it, and the answer is an object of its own class."""
    done = subprocess.run(
        [python_with(LOCKS / "openapi-python-client.txt"), DRIVER, gateway.url, tmp_path],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout.split() == ["GenerateResponse", "length", "True"]
