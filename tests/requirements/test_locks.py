"""The lock files: exact, complete, in agreement, and the gateway's free of torch and vLLM."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
HASH = re.compile(r"    --hash=sha256:[0-9a-f]{64}(?: \\)?")
HASHED = (
    *("build", "uv", "gateway", "tracing", "engine-cpu", "engine-gpu", "engine-plugins"),
    *("router", "evaluate", "dev", "classifier"),
)
ALL = (*HASHED, "engine-cpu-torch")
# Their CPU builds carry a local version that only some indexes have.
RANGES = {"torch", "torchvision"}
OLDEST = "3.11.0"


def lock(name: str) -> dict[str, Requirement]:
    """Requirements by their canonical name."""
    lines = (ROOT / "requirements" / f"{name}.txt").read_text().splitlines()
    pins = [Requirement(line.rstrip(" \\")) for line in lines if line and line[0] not in "# "]
    return {canonicalize_name(pin.name): pin for pin in pins}


def needs(name: str, extras: frozenset[str]) -> list[Requirement]:
    """Return the requirements of an installed distribution, here and with the oldest Python."""
    needed = [Requirement(text) for text in metadata.requires(name) or ()]
    here = {name: str(value) for name, value in default_environment().items()}
    oldest = {**here, "python_full_version": OLDEST}
    wanted = [{**each, "extra": extra} for each in (here, oldest) for extra in ("", *extras)]
    return [
        need
        for need in needed
        if need.marker is None or any(need.marker.evaluate(each) for each in wanted)
    ]


def closure(roots: list[Requirement], *, without: frozenset[str] = frozenset()) -> set[str]:
    """Every distribution these need, themselves included."""
    seen: set[tuple[str, frozenset[str]]] = set()
    todo = list(roots)
    while todo:
        needed = todo.pop()
        entry = (canonicalize_name(needed.name), frozenset(needed.extras))
        if entry not in seen and entry[0] not in without:
            seen.add(entry)
            todo += needs(*entry)
    return {name for name, _ in seen}


@pytest.mark.parametrize("name", ALL)
def test_every_version_is_exact(name: str) -> None:
    """Sorted, one line each; torch's ranges are the exception, on the CPU."""
    locked = lock(name)

    for package, requirement in locked.items():
        exact = str(requirement.specifier).startswith("==")
        assert exact or (name == "engine-cpu-torch" and package in RANGES), package
    assert list(locked) == sorted(locked)


@pytest.mark.parametrize("name", HASHED)
def test_every_package_has_its_hashes(name: str) -> None:
    """So that pip refuses a file that is not one of those the version was locked with."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text()
    for pin in re.split(r"^(?=\w)", text, flags=re.MULTILINE)[1:]:
        first, *hashes = pin.splitlines()
        assert first.endswith(" \\"), first
        assert hashes
        assert all(HASH.fullmatch(digest) for digest in hashes), first


@pytest.fixture(scope="module")
def uv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The locked uv."""
    folder = tmp_path_factory.mktemp("uv")
    options = ("--quiet", "--require-hashes", "--target", str(folder))
    lock_file = ROOT / "requirements/uv.txt"
    subprocess.run([sys.executable, "-m", "pip", "install", *options, "-r", lock_file], check=True)
    return folder / "bin" / "uv"


def test_sets_that_share_an_environment_agree() -> None:
    """One version of each package."""
    for engine in ("engine-cpu", "engine-gpu"):
        names = ("gateway", "tracing", engine, "dev")
        versions: dict[str, SpecifierSet] = {}
        for package, pin in (pair for name in names for pair in lock(name).items()):
            assert versions.setdefault(package, pin.specifier) == pin.specifier, package


def test_the_gateways_lock_is_what_the_project_needs() -> None:
    """Complete for --no-deps, and nothing besides."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    roots = [Requirement(text) for text in project["dependencies"]]

    assert closure(roots) == set(lock("gateway"))


def test_the_locks_are_what_is_installed_here() -> None:
    """Users get the versions the tests ran with."""
    for name in ("gateway", "tracing", "engine-cpu", "engine-cpu-torch", "dev"):
        for package, requirement in lock(name).items():
            version = metadata.version(package)
            assert requirement.specifier.contains(version, prereleases=True), (package, version)
