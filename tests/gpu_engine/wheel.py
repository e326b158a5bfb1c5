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


def unpacked() -> Path:
    """The locked vLLM's Python, without its compiled modules and its dependencies."""
    match = re.search(r"^vllm==\S+", LOCK.read_text(), re.MULTILINE)
    assert match, LOCK
    return downloaded(match[0])


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


def ask_judge(cases: list[dict[str, Any]], folder: Path) -> Any:
    """The verdicts of that vLLM on command lines by card, of which there is none here."""
    asked, answers = folder / "questions.json", folder / "answers.json"
    asked.write_text(json.dumps(cases))
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    variables = {
        "PYTHONPATH": f"{FAKES}:{unpacked()}",
        "MMHIE_FAKE_CARD": json.dumps(cases[0]["card"]),
        "VLLM_CACHE_ROOT": str(folder / "cache"),
        "VLLM_LOGGING_LEVEL": "ERROR",
        "VLLM_NO_USAGE_STATS": "1",
        "HF_HUB_OFFLINE": "1",
    }
    command = [sys.executable, str(FAKES.with_name("judge.py")), str(asked), str(answers)]
    subprocess.run(command, env=kept | variables, check=True, cwd=folder)
    return json.loads(answers.read_text())
