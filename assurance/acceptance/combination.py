"""A combination of model, hardware, vLLM version and settings, as a report names it."""

from dataclasses import dataclass


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
