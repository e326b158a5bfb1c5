"""`mmhie` on a machine whose GPUs are described, with a stand-in for vLLM."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from tests import fake_nvml
from tests.command import NOWHERE
from tests.contract.process import free_port
from tests.fake_nvml import Device

ROOT = Path(__file__).parents[2]
# Both of vLLM's entries run this instead, as a shell would, with vLLM's arguments.
STAND_IN = (
    'import os, sys; os.execvp("sh", ["sh", "-c", os.environ["STAND_IN"], "vllm", *sys.argv[1:]])\n'
)
ENTRIES = ("entrypoints/cli/main.py", "entrypoints/openai/api_server.py")
METADATA = "Metadata-Version: 2.1\nName: vllm\nVersion: 0.33.0\n"


@dataclass(frozen=True, slots=True)
class Machine:
    """A folder with the management library, its answers, and a vLLM for GPUs by name."""

    folder: Path
    library: Path
    environ: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        packages = self.folder / "packages"
        for entry in ENTRIES:
            file = packages / "vllm" / entry
            file.parent.mkdir(parents=True, exist_ok=True)
            for folder in file.parents[: len(Path(entry).parents)]:
                (folder / "__init__.py").touch()
            file.write_text(STAND_IN)
        described = packages / "vllm-0.33.0.dist-info" / "METADATA"
        described.parent.mkdir(exist_ok=True)
        described.write_text(METADATA)
        self.environ.update(
            PATH=os.environ["PATH"],
            HOME=str(self.folder),
            LD_LIBRARY_PATH=str(self.library.parent),
            PYTHONPATH=f"{packages}{os.pathsep}{ROOT}",
            FAKE_NVML=str(self.folder / "nvml"),
            HF_ENDPOINT=NOWHERE,
            MMHIE_CACHE_DIR=str(self.folder / "cache"),
            MMHIE_PORT=str(free_port()),  # the documented one may be a developer's `make run`
        )

    def describe(self, *devices: Device, init: int = 0, cuda: int = 13000) -> None:
        """Have these GPUs from now on."""
        driver = "580.95.05" if cuda >= 13000 else "570.86.10"
        fake_nvml.describe(self.folder / "nvml", *devices, init=init, driver=driver, cuda=cuda)
