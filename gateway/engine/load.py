"""How busy the engine is: a few numbers out of its metrics."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

Total = Callable[[Iterable[float]], float]

# One series per engine of a data-parallel group: requests add up, the fullest cache counts.
FAMILIES: Mapping[bytes, tuple[str, Total]] = {
    b"vllm:num_requests_running": ("running", sum),
    b"vllm:num_requests_waiting": ("waiting", sum),
    b"vllm:kv_cache_usage_perc": ("kv_cache_usage", max),
    b"vllm:prompt_tokens_total": ("prompt_tokens", sum),
    b"vllm:generation_tokens_total": ("generated_tokens", sum),
}


@dataclass(frozen=True, slots=True)
class EngineLoad:
    """Requests now, the share of the KV cache in use (0 to 1), tokens since the engine's start."""

    running: float | None = None
    waiting: float | None = None
    kv_cache_usage: float | None = None
    prompt_tokens: float | None = None
    generated_tokens: float | None = None


def read(exposition: bytes) -> EngineLoad:
    """The load in a Prometheus text; None for what it does not say."""
    found: dict[bytes, list[float]] = {}
    for line in exposition.splitlines():
        family = line.partition(b"{")[0].partition(b" ")[0]
        if family in FAMILIES:
            found.setdefault(family, []).append(float(line.rpartition(b" ")[2]))
    totals = {name: total(found[family]) for family, (name, total) in FAMILIES.items()
              if family in found}  # fmt: skip
    return EngineLoad(**totals)
