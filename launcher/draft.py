"""Every decision of a plan, before it is written down as a command line."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from launcher.context import Context
from launcher.hardware import Hardware
from launcher.installation import Installation
from launcher.memory import Load, Memory, Split
from launcher.model import ModelFacts
from launcher.parallelism import Layout
from launcher.quantization import Choice
from launcher.settings import LauncherSettings

Device = Literal["cpu", "cuda"]
CPU_REQUESTS_PER_CORE: Final = 4
Preparation = Literal["embedded", "dequantize", "merge"]


@dataclass(frozen=True, slots=True)
class Draft:
    """What was decided, and the facts it was decided on."""

    settings: LauncherSettings
    hardware: Hardware
    model: ModelFacts
    installed: Installation
    device: Device
    choice: Choice
    layout: Layout
    context: Context
    load: Load
    memory: Memory
    preparation: Preparation | None

    @property
    def split(self) -> Split:
        """Tensor, pipeline and data parallel sizes."""
        return self.layout.split

    @property
    def lora(self) -> bool:
        """The adapter is applied while serving, not folded into the weights before."""
        adapter = self.model.adapter
        return adapter is not None and not adapter.merged and self.preparation != "merge"

    @property
    def source(self) -> str:
        """What the engine loads: the prepared folder when one has to be made first."""
        if self.preparation is None:
            return self.model.source
        return str(prepared_folder(self.settings, self.model, self.preparation))

    @property
    def kv_space_gib(self) -> int:
        """Whole GiB of KV cache for each CPU process: what the cores can serve, if it fits."""
        wanted = min(self.settings.max_inflight, CPU_REQUESTS_PER_CORE * self.hardware.cpus)
        room = self.memory.kv_room_gib / (self.split.devices * self.split.data)
        needed = max(wanted * self.load.request_gib, self.load.longest_gib)
        bounded = min(needed, room, self.hardware.numa_node_gib / 2)
        return max(1, math.ceil(self.load.longest_gib), math.floor(bounded))

    @property
    def is_local(self) -> bool:
        """Everything the engine loads is on this machine."""
        adapter_is_local = not self.lora or Path(self.model.adapter_source).exists()
        return self.preparation is not None or (self.model.local and adapter_is_local)


def prepared_folder(
    settings: LauncherSettings, model: ModelFacts, preparation: Preparation
) -> Path:
    """Where the checkpoint made from this model lies."""
    return settings.cache_dir / f"{model.id.replace('/', '--')}-{preparation}"
