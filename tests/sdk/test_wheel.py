"""The wheel, installed alone in a clean environment."""

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from tests.sdk.conftest import Serve
from tests.sdk.scripted_server import JSON_ANSWER, answer_stream, reply

pytestmark = pytest.mark.slow  # installs packages from the network

SDK = Path(__file__).parents[2] / "sdk"
ASK = """
import importlib.metadata, importlib.resources, mmhie
assert mmhie.__version__ == importlib.metadata.version("mmhie")
assert importlib.resources.files("mmhie").joinpath("py.typed").is_file()
print(mmhie.medical_reasoner.generate("How?"))
print(*mmhie.medical_reasoner.stream_generate("How?"), sep="")
"""


def call(*command: object, cwd: Path | None = None, **environ: str) -> str:
    clean = {name: text for name, text in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [str(part) for part in command],
        env={**clean, **environ},
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, so that no old build folder leaks in and none is left behind."""
    folder = tmp_path_factory.mktemp("wheel")
    ignored = shutil.ignore_patterns("build", "*.egg-info", "__pycache__")
    shutil.copytree(SDK, folder / "sdk", ignore=ignored)
    call(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", folder, folder / "sdk")
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def clean_python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment that holds the wheel and what it depends on."""
    folder = tmp_path_factory.mktemp("clean")
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    call(python, "-m", "pip", "install", "-q", "--disable-pip-version-check", wheel)
    return python


def test_it_works_alone(serve: Serve, clean_python: Path) -> None:
    """A backend that installs only the wheel can ask and stream; its types are there."""
    server = serve(reply(JSON_ANSWER), answer_stream("He", "y"))

    out = call(clean_python, "-c", ASK, MMHIE_URL=server.url)

    assert out.splitlines() == ["Rest and fluids.", "Hey"]


def test_it_brings_little(clean_python: Path) -> None:
    """Twelve distributions at most, pip included; no framework among them."""
    listed = call(clean_python, "-m", "pip", "list", "--format=freeze").lower().split()
    names = {line.partition("==")[0] for line in listed}

    assert len(names) <= 12
    assert not names & {"torch", "vllm", "fastapi", "pydantic", "openai", "mmhie-server"}
