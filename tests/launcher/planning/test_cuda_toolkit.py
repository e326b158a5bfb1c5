"""The compiler that FlashInfer and DeepGEMM need: whole, or their kernels are off."""

from pathlib import Path

import pytest

from launcher.planning import compilers
from launcher.planning.cards import Gpu
from launcher.planning.compilers import DEEP_GEMM, SAMPLER, switched_off
from launcher.planning.hardware import Hardware
from launcher.planning.installation import Installation
from launcher.planning.plan import EnginePlan
from launcher.serving.environment import for_engine
from tests.launcher.plans import plan


def files(folder: Path, *names: str) -> Path:
    for name in names:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("#!/bin/sh\n")
        file.chmod(0o755)
    return folder


@pytest.fixture
def tools(tmp_path: Path) -> str:
    """A PATH with a host compiler and ninja."""
    return str(files(tmp_path / "tools", *compilers.HOST_TOOLS))


def test_a_whole_toolkit_leaves_all_on(tmp_path: Path, tools: str) -> None:
    """As the CUDA installer leaves it, whichever variable names it."""
    home = files(tmp_path / "cuda", compilers.NVCC, *compilers.LIBRARIES)

    for name in ("CUDA_HOME", "CUDA_PATH"):
        assert switched_off({name: str(home), "PATH": tools}) == ()
    assert switched_off({"PATH": f"{home / 'bin'}:{tools}"}) == ()


@pytest.mark.parametrize("missing", compilers.LIBRARIES)
def test_nvcc_without_its_libraries_is_no_toolkit(tmp_path: Path, tools: str, missing: str) -> None:
    """FlashInfer's modules would compile for a minute and then not link."""
    home = files(tmp_path / "cuda", compilers.NVCC, *compilers.LIBRARIES)
    (home / missing).unlink()

    assert switched_off({"CUDA_HOME": str(home), "PATH": tools}) == (SAMPLER,)


def test_no_toolkit_switches_both_off(tmp_path: Path, tools: str) -> None:
    """A host with only a driver, and the wheel that has nvcc under nvidia/cu13/bin."""
    assert switched_off({"CUDA_HOME": str(tmp_path), "PATH": tools}) == (SAMPLER, DEEP_GEMM)


def bare(*, device: str = "cuda", is_hypothetical: bool = False) -> EnginePlan:
    """A plan where both are switched off."""
    gpus = (Gpu("H100", 80, (9, 0)),)
    here = Hardware(gpus=gpus, ram_gib=128, is_hypothetical=is_hypothetical)
    return plan(here, Installation(switched_off=(SAMPLER, DEEP_GEMM)), device=device)


def test_the_plan_says_so_in_one_line() -> None:
    """The engine's environment has the switches, and a warning names them."""
    made = bare()

    assert (made.env[SAMPLER], made.env[DEEP_GEMM]) == ("0", "0")
    assert any("CUDA toolkit" in said and f"{SAMPLER}=0" in said for said in made.warnings)


def test_of_another_machine_nothing_is_known() -> None:
    """A plan for described hardware has no switch, and neither has one for the CPU."""
    assert SAMPLER not in bare(is_hypothetical=True).env
    assert SAMPLER not in bare(device="cpu").env


def test_the_users_switch_wins() -> None:
    """A compiler in an unusual place may work."""
    assert for_engine({SAMPLER: "1"}, bare().env, "key")[SAMPLER] == "1"
