"""The README: its commands, run as they stand, and its length."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.real.stack import Stack

README = Path(__file__).parents[2] / "README.md"
ADDRESS = "http://127.0.0.1:8000"
NOTICE = "Model outputs are not clinical advice."

pytestmark = pytest.mark.slow


def blocks(language: str) -> list[str]:
    """Every fenced block of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README.read_text(), re.DOTALL | re.MULTILINE)


def test_the_curl_example_answers_with_both_notices(stack: Stack) -> None:
    """The curl command gives a text, the safety notice and the notice of a red flag."""
    (command,) = blocks("bash")
    command = command.replace(ADDRESS, stack.base_url)
    done = subprocess.run(["bash", "-ec", command], capture_output=True, text=True, timeout=120)

    assert done.returncode == 0, done.stderr
    assert NOTICE in done.stdout
    assert "MED101" in done.stdout


def test_the_python_example_prints_an_answer(stack: Stack, tmp_path: Path) -> None:
    """The Python example runs as it stands, but for the address."""
    (example,) = blocks("python")
    script = tmp_path / "example.py"
    script.write_text(example.replace(ADDRESS, stack.base_url))
    done = subprocess.run(
        [sys.executable, script],
        capture_output=True,
        text=True,
        timeout=180,
        env={"PATH": "/usr/bin:/bin"},
    )

    assert done.returncode == 0, done.stderr
    assert NOTICE in done.stdout
    assert len(done.stdout.strip()) > len(NOTICE) + 20
