"""A combination of model, hardware, vLLM version and settings, of which a run tells."""

from dataclasses import dataclass

from launcher.planning.hardware import Hardware


@dataclass(frozen=True, slots=True)
class Combination:
    """Model, engine and machine: `cards` are names of GPUs, `cpus` the cores of all engines."""

    model: str
    base: str | None
    revision: str | None
    device: str
    cards: tuple[str, ...]
    cpus: int
    engine_version: str
    quantization: str
    dtype: str
    kv_cache_dtype: str
    max_model_len: int
    tensor_parallel: int
    pipeline_parallel: int
    data_parallel: int
    engines: int

    @property
    def hardware(self) -> str:
        """The cards, or the cores of a CPU."""
        if not self.cards:
            return f"CPU, {self.cpus} cores"
        return ", ".join(f"{self.cards.count(name)}x {name}" for name in dict.fromkeys(self.cards))

    @property
    def settings(self) -> str:
        """The plan's choices, in words."""
        sizes = {
            "TP": self.tensor_parallel,
            "PP": self.pipeline_parallel,
            "DP": self.data_parallel,
            "engines": self.engines,
        }
        several = [f"{name} {size}" for name, size in sizes.items() if size > 1]
        cache = [] if self.kv_cache_dtype == "auto" else [f"KV {self.kv_cache_dtype}"]
        return ", ".join((self.quantization, self.dtype, *cache, *several))

    def suits(self, machine: Hardware) -> bool:
        """This machine has the cards, or has none and neither had the other."""
        names = [gpu.name for gpu in machine.gpus]
        if not self.cards:
            return not names
        return all(names.count(name) >= self.cards.count(name) for name in self.cards)
