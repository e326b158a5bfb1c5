"""The GPU build of vLLM that is locked, unpacked beside the CPU engine's environment."""

import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
LOCK = ROOT / "requirements" / "engine-gpu.txt"
FAKES = Path(__file__).with_name("fakes")
CACHE = Path(os.environ.get("XDG_CACHE_HOME", "") or Path.home() / ".cache") / "mmhie-tests"


def requirement(package: str) -> str:
    """The line of the lock, `vllm==X.Y.Z`."""
    match = re.search(rf"^{package}==\S+", LOCK.read_text(), re.MULTILINE)
    assert match, LOCK
    return match[0]


def unpacked(package: str = "vllm") -> Path:
    """A locked wheel's Python, without its compiled modules and its dependencies."""
    return downloaded(requirement(package))


def downloaded(pinned: str) -> Path:
    """The same of a package at a version."""
    folder = CACHE / pinned.replace("==", "-")
    if not folder.is_dir():
        part = folder.with_name(f"{folder.name}.{os.getpid()}")
        pip = (sys.executable, "-m", "pip", "-q", "download", "--no-deps", "--only-binary=:all:")
        subprocess.run([*pip, "-d", str(part), pinned], check=True, cwd=ROOT)
        (wheel,) = part.glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            names = [name for name in archive.namelist() if not name.endswith(".so")]
            archive.extractall(part, names)
        wheel.unlink()
        part.rename(folder)
    return folder


def with_flashinfer(variables: dict[str, str]) -> dict[str, str]:
    """The same beside FlashInfer and its compiled kernels, as in vLLM's own image."""
    path = f"{variables['PYTHONPATH']}:{unpacked('flashinfer-python')}"
    return variables | {"PYTHONPATH": path, "VLLM_HAS_FLASHINFER_CUBIN": "1"}


def environment(cache: Path) -> dict[str, str]:
    """Variables under which Python finds that vLLM, and a card where there is none."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return kept | {
        "PYTHONPATH": f"{FAKES}:{unpacked()}",
        "VLLM_CACHE_ROOT": str(cache),
        "VLLM_LOGGING_LEVEL": "ERROR",
        "VLLM_NO_USAGE_STATS": "1",
        "HF_HUB_OFFLINE": "1",
    }


def ask(
    program: str, questions: Any, folder: Path, variables: dict[str, str], first: dict[str, Any]
) -> Any:
    """The answers of that vLLM to one of the programs of this folder, which it begins on the first
    of the cards."""
    asked, answers = folder / "questions.json", folder / "answers.json"
    asked.write_text(json.dumps(questions))
    card = {"MMHIE_FAKE_CARD": json.dumps(first)}
    command = [sys.executable, str(FAKES.with_name(program)), str(asked), str(answers)]
    subprocess.run(command, env=variables | card, check=True, cwd=folder)
    return json.loads(answers.read_text())
