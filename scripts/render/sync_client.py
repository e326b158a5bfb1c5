"""The synchronous half of the SDK, from the asynchronous one, by unasync."""

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

import unasync

from scripts.render.page import ROOT

SDK: Final = ROOT / "sdk" / "mmhie"
FILES: Final = {"_async_client.py": "_client.py"}
REPLACED: Final = {
    "AbstractAsyncContextManager": "AbstractContextManager",
    "AsyncAnswerStream": "AnswerStream",
    "AsyncClient": "Client",
    "AsyncClients": "Clients",
    "AsyncMedicalReasoningLLM": "MedicalReasoningLLM",
    "_async_io": "_sync_io",
    "aclose": "close",
    "aread": "read",
    "asynccontextmanager": "contextmanager",
}
HEAD: Final = "# Generated from {name} (`make docs`): change that file.\n"
RUFF: Final = (sys.executable, "-m", "ruff")
FIXED: Final = ("check", "--quiet", "--select", "I,UP028", "--fix", "--unsafe-fixes")
OWN: Final = ("--config", "lint.isort.known-first-party=['mmhie']")  # outside the project, too


def pages() -> dict[Path, str]:
    """Return the generated modules."""
    return {SDK / ours: synchronous(SDK / name) for name, ours in FILES.items()}


def synchronous(source: Path) -> str:
    """Return the source without `async` and `await`, formatted."""
    with tempfile.TemporaryDirectory() as folder:
        copy, made = Path(folder, "async", source.name), Path(folder, "sync", source.name)
        copy.parent.mkdir()
        copy.write_text(HEAD.format(name=source.name) + source.read_text())
        rule = unasync.Rule(f"{copy.parent}/", f"{made.parent}/", REPLACED)
        unasync.unasync_files([str(copy)], [rule])
        config = ("--config", str(ROOT / "pyproject.toml"))
        subprocess.run([*RUFF, *FIXED, *config, *OWN, made], check=True)
        subprocess.run([*RUFF, "format", "--quiet", *config, made], check=True)
        return made.read_text()
