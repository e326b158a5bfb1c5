"""Name the programs that tests call and this machine lacks: `python3 requirements/programs.py`.

`--install` installs them (Debian or Ubuntu, as root). Needs nothing but Python.
"""

import os
import subprocess
import sys
from glob import glob
from shutil import which

# What is looked for (a program, or a file) and the Debian package that has it.
PROGRAMS = {
    "chromium": "chromium",
    "curl": "curl",
    "faketime": "faketime",
    "gcc": "build-essential",
    "ip": "iproute2",
    "kustomize": "kustomize",
    "nginx": "nginx",
    "node": "nodejs",
    "npm": "npm",
    "prometheus": "prometheus",
    "promtool": "prometheus",
    "redis-server": "redis-server",
}
FILES = {"faketime": "/usr/lib/*/faketime/libfaketimeMT.so.1"}
PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"  # where nginx and ip are, for users too


def find(name: str) -> str | None:
    """Return the path of a program, or of the library that the table names instead."""
    if name in FILES:
        return next(iter(glob(FILES[name])), None)
    return which(name, path=PATH)


def missing() -> list[str]:
    """Return the programs of the table that are not installed."""
    return [name for name in PROGRAMS if not find(name)]


def command(names: list[str]) -> list[str]:
    """Return the command that installs these programs."""
    packages = sorted({PROGRAMS[name] for name in names})
    return ["apt-get", "install", "-y", "--no-install-recommends", *packages]


def reason(*names: str) -> str:
    """Return why a test of these programs is skipped; empty when all are installed."""
    lacking = [name for name in names if not find(name)]
    return f"not installed: {' '.join(command(lacking))}" if lacking else ""


def summary() -> str:
    """Return the line to print before the tests; empty if nothing is missing."""
    lacking = missing()
    if not lacking:
        return ""
    return (
        f"Missing programs, whose tests are skipped: {', '.join(lacking)}. "
        f"Install them all: {' '.join(command(lacking))}"
    )


def install() -> None:
    """Install what is missing; raises CalledProcessError."""
    if lacking := missing():
        environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for apt in (["apt-get", "update"], command(lacking)):
            subprocess.run([*apt, "-qq"], env=environ, check=True)


def main(arguments: list[str]) -> None:
    if arguments == ["--install"]:
        install()
    elif line := summary():
        print(line)


if __name__ == "__main__":
    main(sys.argv[1:])
