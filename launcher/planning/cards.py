"""GPUs, and the data sheets of those known by name: one table for plans and capacity alike."""

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter

from launcher.errors import HardwareError


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU, or a slice of one; memory in GiB, CUDA compute capability as (major, minor).

    A GPU of this machine has CUDA's name for it, and the memory that is free now.
    """

    name: str
    memory_gib: float
    compute_capability: tuple[int, int] = (8, 0)
    id: str = field(default="", kw_only=True)
    free_gib: float | None = field(default=None, kw_only=True)
    is_slice: bool = field(default=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class Card(Gpu):
    """A GPU with its data sheet's memory bandwidth (GB/s) and dense bf16 arithmetic (TFLOP/s)."""

    bandwidth_gb_s: float = 0.0
    bf16_tflops: float = 0.0


CARDS: Final = TypeAdapter(dict[str, Card]).validate_python(
    tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))
)


def card(name: str) -> Card:
    """The GPU of that name; HardwareError lists the known ones."""
    found = CARDS.get(name.strip().lower())
    if found is None:
        raise HardwareError(f"The GPU {name!r} is not known; known are {', '.join(CARDS)}.")
    return found
