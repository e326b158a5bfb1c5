"""Stand-in for the base image: the same Debian, the same Python, built once."""

import re
import shutil
import sys
from pathlib import Path

from scripts.image_check.command import ROOT, CheckError, remove, run

STAND_IN = ROOT / ".cache" / "stand-in"
RELEASE = "trixie"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
# Libraries of CPython's own modules.
LIBRARIES = (
    "ca-certificates,libbz2-1.0,libexpat1,libffi8,liblzma5,libncursesw6,libreadline8t64,"
    "libsqlite3-0,libssl3t64,libuuid1,zlib1g"
)
SKIPPED = ("site-packages", "test", "__pycache__", "config-*", "idlelib", "tkinter")


def name() -> str:
    """Return the base image named in the Dockerfiles."""
    text = (ROOT / "docker/gateway.Dockerfile").read_text()
    match = re.search(r"^ARG PYTHON_IMAGE=(\S+)$", text, re.MULTILINE)
    return match[1] if match else ""


def stand_in() -> Path:
    """Build a root file system like the base image's, with this machine's Python in /usr/local."""
    if STAND_IN.is_dir():
        return STAND_IN
    partial = STAND_IN.with_suffix(".partial")
    remove(partial)
    partial.parent.mkdir(exist_ok=True)
    run("debootstrap", "--variant=minbase", f"--include={LIBRARIES}", RELEASE, partial)
    add_python(partial)
    shutil.copy(CERTIFICATES, partial / CERTIFICATES.relative_to("/"))
    (partial / "etc/pip.conf").write_text(f"[global]\ncert = {CERTIFICATES}\n")
    shutil.rmtree(partial / "var/cache/apt/archives")
    partial.rename(STAND_IN)
    return STAND_IN


def add_python(system: Path) -> None:
    """Copy the running interpreter to the official image's prefix."""
    prefix = Path(sys.base_prefix)
    if prefix == Path("/usr"):
        raise CheckError("Run this with a Python of its own prefix (pyenv, python.org).")
    local = system / "usr/local"
    shutil.copytree(
        prefix, local, symlinks=True, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*SKIPPED)
    )
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    packages = Path("lib") / version / "site-packages"
    for package in (prefix / packages).glob("pip*"):
        shutil.copytree(package, local / packages / package.name)
    for link in ("python", "python3"):
        (local / "bin" / link).unlink(missing_ok=True)
        (local / "bin" / link).symlink_to(version)
    run("chroot", system, "ldconfig")
