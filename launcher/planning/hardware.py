"""GPUs, cores and memory of this machine, or of one that is only described."""

import os
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Literal

from launcher.errors import DeviceFailed, HardwareError
from launcher.planning.cards import CARDS, NEWEST, Gpu

GIB: Final = 1024**3
NODE_MEMORY: Final = Path("/sys/devices/system/node/node0/meminfo")
MEMORY: Final = Path("/proc/meminfo")
CPU_INFO: Final = Path("/proc/cpuinfo")
# What PyTorch asks for before the engine loads its AVX-512 kernels, and not those of AVX2.
AVX512: Final = frozenset({"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"})
AMD_DRIVER: Final = Path("/dev/kfd")
OTHER_GPU: Final = (
    "This machine has an AMD GPU, which is not used: the engine's packages are for NVIDIA's CUDA, "
    "not for ROCm."
)
FREE: Final = 0.8  # of a GPU's memory, with which no other program counts as using it
CGROUP_LIMITS: Final = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)
GIB_OF_ONE: Final = r"(?=[0.]*[1-9])\d{1,6}(?:\.\d{1,6})?"
# GPUs by number and GiB or name, or a CPU; then options, of which the last of each counts.
DESCRIPTION: Final = re.compile(
    rf"(?:cpu|(?P<count>[1-9]\d{{0,3}})x(?P<card>{GIB_OF_ONE}|{'|'.join(CARDS)}))(?=,|$)"
    rf"(?:,(?:(?P<amx>amx)|(?P<avx2>avx2)|ram=(?P<ram>{GIB_OF_ONE})|cpus=(?P<cpus>[1-9]\d{{0,4}})"
    r"|cc=(?P<major>\d{1,2})(?:\.(?P<minor>\d))?)(?=,|$))*"
)
EXAMPLES: Final = "4x80, 1x24, 2xh100, 2x40,cc=8.0 or cpu,ram=64,avx2"

VISIBLE: Final = "CUDA_VISIBLE_DEVICES"

Device = Literal["cpu", "cuda"]


@dataclass(frozen=True, slots=True)
class Hardware:
    """GPUs, CPUs and free memory (GiB) of one machine.

    `fault` says why the GPUs of this machine cannot be used, `remarks` what else was noticed.
    """

    gpus: tuple[Gpu, ...] = ()
    cpus: int = 1
    ram_gib: float = 16.0
    numa_node_gib: float = 16.0
    amx: bool = False
    avx512: bool = True
    cpu_ids: tuple[int, ...] = ()
    gpu_ids: tuple[str, ...] = ()
    is_share: bool = False
    is_hypothetical: bool = field(default=False, compare=False)
    fault: HardwareError | None = field(default=None, compare=False)
    remarks: tuple[str, ...] = ()

    @property
    def device(self) -> Device:
        return "cuda" if self.gpus else "cpu"

    @property
    def free_share(self) -> float:
        """The smallest share of a GPU's memory that is free."""
        return min((gpu.free_share for gpu in self.gpus), default=1.0)

    @property
    def gpu_gib(self) -> float:
        """Memory of the smallest GPU: every rank gets the same share."""
        return min((gpu.memory_gib for gpu in self.gpus), default=0.0)

    @property
    def gpu_names(self) -> tuple[str, ...]:
        """The names that CUDA knows the GPUs by."""
        return self.gpu_ids or tuple(gpu.id or str(at) for at, gpu in enumerate(self.gpus))

    @property
    def cores(self) -> tuple[int, ...]:
        """The numbers of the CPU's cores."""
        return self.cpu_ids or tuple(range(self.cpus))

    @property
    def capability(self) -> tuple[int, int]:
        """The oldest compute capability among the GPUs."""
        return min((gpu.compute_capability for gpu in self.gpus), default=NEWEST)


def share(whole: Hardware, parts: int, index: int) -> Hardware:
    """The share of one of several engines: GPUs, or cores and memory, in equal parts.

    Raises HardwareError when there are fewer GPUs, or else cores, than engines.
    """
    if parts == 1:
        return whole
    per_part = len(whole.gpus or whole.cores) // parts
    if per_part == 0:
        what = "GPUs" if whole.gpus else "CPU cores"
        raise HardwareError(
            f"MMHIE_ENGINES is {parts}, more than this machine has {what}; lower it."
        )
    mine = slice(index * per_part, (index + 1) * per_part)
    return replace(
        whole,
        gpus=whole.gpus[mine],
        gpu_ids=whole.gpu_names[mine],
        cpus=max(1, whole.cpus // parts),
        cpu_ids=whole.cpu_ids if whole.gpus else whole.cores[mine],
        ram_gib=whole.ram_gib / parts,
        numa_node_gib=whole.numa_node_gib / parts,
        is_share=True,
    )


def detect() -> Hardware:
    """This machine as it is now; no GPU and no driver is an ordinary answer."""
    cpu_ids = tuple(sorted(os.sched_getaffinity(0)))
    ram_gib = read_memory("MemAvailable") / GIB
    limit_gib = _cgroup_limit_gib()
    features = set(_read(CPU_INFO).split())
    machine = Hardware(
        cpus=len(cpu_ids),
        cpu_ids=cpu_ids,
        ram_gib=min(ram_gib, limit_gib),
        numa_node_gib=min(_numa_node_gib(), limit_gib),
        amx="amx_tile" in features,
        avx512=features >= AVX512,
    )
    try:
        return _with_gpus(machine, os.environ.get(VISIBLE))
    except HardwareError as error:
        return replace(machine, fault=error)


def _with_gpus(machine: Hardware, visible: str | None) -> Hardware:
    """Add the GPUs; where not all of them are used, the engine is given the names of those."""
    from launcher.planning import nvml  # what plans for described hardware does without

    gpus = nvml.read_gpus(visible)
    if not gpus:
        return replace(machine, remarks=(OTHER_GPU,) if AMD_DRIVER.exists() else ())
    if visible is not None:
        return replace(machine, gpus=gpus, gpu_ids=tuple(gpu.id for gpu in gpus))
    return choose_gpus(replace(machine, gpus=gpus))


def choose_gpus(machine: Hardware) -> Hardware:
    """The machine with the GPUs that engines use: those like the largest one, and of these the free
    ones. Every rank gets the same share of its GPU, so the least would decide."""
    largest = max(machine.gpus, key=lambda gpu: gpu.memory_gib)
    kind = [gpu for gpu in machine.gpus if _kind(gpu) == _kind(largest)]
    used = [gpu for gpu in kind if gpu.free_share >= FREE] or kind
    if len(used) == len(machine.gpus):
        return machine
    left = ", ".join(
        f"{gpu.name} ({gpu.memory_gib:.0f} GiB)" for gpu in machine.gpus if gpu not in used
    )
    remark = (
        f"{left} is left out: engines use free GPUs of one kind; CUDA_VISIBLE_DEVICES names others."
    )
    names = tuple(gpu.id for gpu in used)
    return replace(machine, gpus=tuple(used), gpu_ids=names, remarks=(remark,))


def _kind(gpu: Gpu) -> tuple[object, ...]:
    return gpu.compute_capability, round(gpu.memory_gib)


def recheck(planned: Hardware) -> None:
    """Raise DeviceFailed when a GPU of a plan is no longer there, or does not work any more."""
    from launcher.planning import nvml

    visible = ",".join(planned.gpu_ids) or os.environ.get(VISIBLE)
    try:
        left = len(nvml.read_gpus(visible))
    except HardwareError as error:
        raise DeviceFailed(str(error)) from error
    if left < len(planned.gpus):
        raise DeviceFailed(
            f"Of the {len(planned.gpus)} GPUs that the engine was planned for, {left} are left: "
            "restart the machine, or the container with the GPUs that there are."
        )


def parse(text: str) -> Hardware:
    """Hardware described as `4x80` (GPUs x GiB), `4xh100` or `cpu,ram=64`.

    Raises HardwareError with examples.
    """
    written = text.lower().replace(" ", "")
    match = DESCRIPTION.match(written)
    if match is None or match.end() < len(written):
        part = written[match.end() if match else 0 :]
        raise HardwareError(
            f"The hardware {text!r} cannot be read from {part!r} on; try {EXAMPLES}. GPUs known by "
            f"name are {', '.join(CARDS)}."
        )
    gpus = _describe(match)
    ram_gib = float(match["ram"] or (128 if gpus else 64))
    return Hardware(
        gpus=gpus,
        cpus=int(match["cpus"] or 16),
        ram_gib=ram_gib,
        numa_node_gib=ram_gib,
        amx=match["amx"] is not None,
        avx512=match["avx2"] is None,
        is_hypothetical=True,
    )


def _describe(match: re.Match[str]) -> tuple[Gpu, ...]:
    name = match["card"]
    if name is None:
        return ()
    gpu = CARDS.get(name) or Gpu(f"{float(name):g} GiB GPU", float(name))
    if match["major"]:
        gpu = replace(gpu, compute_capability=(int(match["major"]), int(match["minor"] or 0)))
    return (gpu,) * int(match["count"])


def _numa_node_gib() -> float:
    """Memory of node 0 as vLLM counts it; a ballooned machine's node reports less than `free`."""
    return (read_memory("MemTotal", NODE_MEMORY) or read_memory("MemTotal")) / GIB


def read_memory(name: str, file: Path = MEMORY) -> int:
    """Bytes under this name in a file of the kernel's; 0 where it is not there."""
    match = re.search(rf"{name}:\s+(\d+) kB", _read(file))
    return int(match[1]) * 1024 if match else 0


def _cgroup_limit_gib() -> float:
    limits = [_read(path).strip() for path in CGROUP_LIMITS]
    return min((int(limit) / GIB for limit in limits if limit.isdecimal()), default=float("inf"))


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
