"""Lock files with hashes: `python -m scripts.lock UV NAME...` after a version in one has changed.

UV is the program of requirements/uv.txt. Every file of a version is listed, so that a lock is the
same whatever machine writes it.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

LOCKS = Path(__file__).parents[1] / "requirements"
OPTIONS = (
    *("pip", "compile", "--quiet", "--no-deps", "--generate-hashes", "--no-header"),
    *("--no-annotate", "--python-version", "3.11.7"),
    *("--python-platform", "x86_64-manylinux_2_28"),
)
COMMENT = re.compile(r"^#.*\n", re.MULTILINE)
PIN = re.compile(r"^[\w.\[\],-]+==[^\s\\]+", re.MULTILINE)


def locked(uv: str, lock: str) -> str:
    """Return a lock's text with the hashes of the pins in it, and its comments first."""
    with tempfile.NamedTemporaryFile("w", suffix=".in") as file:
        file.write("\n".join(PIN.findall(lock)) + "\n")
        file.flush()
        done = subprocess.run([uv, *OPTIONS, file.name], capture_output=True, text=True, check=True)
    return "".join(COMMENT.findall(lock)) + done.stdout


def main(uv: str, names: list[str]) -> None:
    """Rewrite these locks."""
    for name in names:
        path = LOCKS / f"{name}.txt"
        path.write_text(locked(uv, path.read_text()))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
