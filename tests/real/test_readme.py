"""The README's own commands, run as they stand."""

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


@pytest.mark.parametrize("number", range(3))
def test_curl_examples_answer_with_the_notice(stack: Stack, number: int) -> None:
    """Each curl command gives text and the safety notice."""
    command = blocks("bash")[number].replace(ADDRESS, stack.base_url)
    done = subprocess.run(["bash", "-ec", command], capture_output=True, text=True, timeout=120)

    assert done.returncode == 0, done.stderr
    assert NOTICE in done.stdout
    assert len(done.stdout) > len(NOTICE) + 20


@pytest.mark.parametrize("number", range(2))
def test_python_examples_print_an_answer(stack: Stack, number: int, tmp_path: Path) -> None:
    """Each Python example runs as it stands, but for the address."""
    script = tmp_path / "example.py"
    script.write_text(blocks("python")[number].replace(ADDRESS, stack.base_url))
    done = subprocess.run(
        [sys.executable, script],
        capture_output=True,
        text=True,
        timeout=180,
        env={"MMHIE_URL": stack.base_url, "MMHIE_TIMEOUT_SECONDS": "120", "PATH": "/usr/bin:/bin"},
    )

    assert done.returncode == 0, done.stderr
    assert len(done.stdout.strip()) > 20


def test_every_example_is_run() -> None:
    """A new block needs a place above."""
    assert (len(blocks("bash")), len(blocks("python"))) == (3, 2)
