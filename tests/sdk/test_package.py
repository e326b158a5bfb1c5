"""The package as a backend sees it: names, import time, one instance, the drop-in line."""

import os
import subprocess
import sys
from pathlib import Path

import mmhie

from tests.waiting import PATIENCE_S

SDK = Path(__file__).parents[2] / "sdk"


def run(code: str, *flags: str, path: Path | None = None, **environ: str) -> str:
    """The output of a fresh Python that finds the sdk's sources, and `path`."""
    paths = os.pathsep.join(str(each) for each in (SDK, path) if each)
    theirs = {name: v for name, v in os.environ.items() if not name.startswith("COV")}
    done = subprocess.run(
        [sys.executable, *flags, "-c", code],
        env={**theirs, "PYTHONPATH": paths, **environ},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_all_is_sorted_and_true() -> None:
    """__all__ is sorted, complete, and every name exists."""
    public = {name for name in vars(mmhie) if not name.startswith("_")}

    assert mmhie.__all__ == sorted(set(mmhie.__all__))
    assert public | {"__version__"} == set(mmhie.__all__)


def test_import_touches_neither_network_nor_settings() -> None:
    """A broken environment and a machine without network import it all the same."""
    code = """
import sys
def refuse(name, args):
    if name.startswith(("socket.", "subprocess.", "os.fork")):
        raise SystemExit(name)
sys.addaudithook(refuse)
from mmhie import medical_reasoner
print("imported")
"""
    assert run(code, MMHIE_MAX_TOKENS="many", MMHIE_URL="nowhere") == "imported"
