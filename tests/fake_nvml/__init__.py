"""A machine with GPUs, for a process that loads NVIDIA's management library: a real one, of C."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).with_name("nvml.c")
LIBRARY = "libnvidia-ml.so.1"
# What NVML answers (NVML API Reference Guide, nvmlReturn_t).
NOT_SUPPORTED, NO_PERMISSION, DRIVER_NOT_LOADED = 3, 4, 9
GPU_IS_LOST, RESET_REQUIRED, VERSION_MISMATCH, UNKNOWN = 15, 16, 18, 999


@dataclass(frozen=True, slots=True)
class Device:
    """A GPU, or, with the number of its parent, a slice of one; MiB."""

    name: str = "NVIDIA H100 80GB HBM3"
    total: int = 81559
    free: int = 81039
    capability: tuple[int, int] = (9, 0)
    parent: int = -1
    mig: bool = False
    handle_error: int = 0
    memory_error: int = 0
    uuid: str = "GPU-0"

    @property
    def line(self) -> str:
        """As the library reads it."""
        numbers = (self.parent, self.total, self.free, *self.capability, int(self.mig))
        errors = (self.handle_error, self.memory_error)
        return " ".join(map(str, ("device", *numbers, *errors, self.uuid, self.name)))


def build(folder: Path) -> Path:
    """Compile the library into this folder, and return its path."""
    library = folder / LIBRARY
    command = ("gcc", "-shared", "-fPIC", "-Wall", "-Werror", "-o", library, SOURCE)
    subprocess.run(command, check=True)
    return library


def describe(
    file: Path, *devices: Device, init: int = 0, driver: str = "580.95.05", cuda: int = 13000
) -> None:
    """Let the library answer so from the next time it is asked on."""
    lines = [
        f"init {init}",
        f"driver {driver}",
        f"cuda {cuda}",
        *(device.line for device in devices),
    ]
    draft = file.with_suffix(".new")
    draft.write_text("\n".join(lines) + "\n")
    draft.replace(file)
