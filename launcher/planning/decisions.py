"""Every decision of a plan, before it is written down as a command line."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from launcher.models.facts import ModelFacts
from launcher.planning.context_length import Context
from launcher.planning.hardware import Hardware
from launcher.planning.installation import Installation
from launcher.planning.memory import Load, Memory, Split, loaded_dtype
from launcher.planning.parallelism import Layout
from launcher.planning.quantization import Choice
from launcher.settings import LauncherSettings

Device = Literal["cpu", "cuda"]
Preparation = Literal["embedded", "dequantize", "merge"]


@dataclass(frozen=True, slots=True)
class Decisions:
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
    def is_too_old_for_bfloat16(self) -> bool:
        """A GPU before compute capability 8.0, and weights that would be bfloat16."""
        wants = loaded_dtype(self.model, self.settings.dtype) == "bfloat16"
        return wants and self.device == "cuda" and self.hardware.capability < (8, 0)

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
