"""Formats of quantized weights: one row each, for the settings, the plan and the estimate alike."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from pydantic import TypeAdapter


@dataclass(frozen=True, slots=True)
class Format:
    """A format's bits a weight, where it runs, what it needs there, and how it is made.

    `flag` is vLLM's for making it of 16-bit weights while they load; `capability` the oldest CUDA
    compute capability with kernels; `aliases` other names under which checkpoints publish it.
    """

    bits: int
    capability: tuple[int, int] = (7, 5)
    on_cpu: Literal["yes", "4 bits", "gpt-oss with AMX", "no"] = "yes"
    is_packed: bool = False  # 4-bit weights are unpacked by a kernel that on a CPU is AVX-512
    is_for_gpt_oss: bool = False  # vLLM has a loader for gpt-oss experts in it
    plugin: str = ""
    install: str = ""
    flag: str | None = None
    aliases: tuple[str, ...] = ()


_TABLE: Final = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))
READ: Final[Mapping[str, Sequence[int]]] = _TABLE.pop("read")
REQUIRED: Final[Mapping[str, Sequence[Sequence[str]]]] = _TABLE.pop("required")
GPU_ONLY: Final = frozenset(_TABLE.pop("gpu_only")["methods"])
FORMATS: Final = TypeAdapter(dict[str, Format]).validate_python(_TABLE)
PLUGINS: Final = tuple(name for name, row in FORMATS.items() if row.plugin)
ALIASES: Final = {alias: name for name, row in FORMATS.items() for alias in row.aliases}
