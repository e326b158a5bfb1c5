"""The estimate beside what vLLM logged on GPUs, for docs/hardware.md."""

import json
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from launcher.models.config import from_config
from launcher.models.facts import ModelFacts
from launcher.models.families import CONFIGS
from launcher.planning import memory
from launcher.planning.hardware import GIB
from launcher.planning.kv_cache import kv_bytes_per_token
from launcher.planning.memory import ParallelSizes, Workload
from scripts.render.page import DOCS, table

LOGS: Final = DOCS / "records" / "gpu-memory.json"
WEIGHTS: Final = "GiB of weights a GPU"
HEAD: Final = ("model and card", "figure", "logged", "estimated", "difference", "log")


class Figure(NamedTuple):
    """One number of a log, the estimate of it, and why they differ if they do by over 5 %."""

    log: dict[str, Any]
    name: str
    logged: float
    estimated: float

    @property
    def difference(self) -> float:
        """Relative to what was logged."""
        return self.estimated / self.logged - 1

    @property
    def is_far(self) -> bool:
        """Further from the log than the estimate is to be."""
        return abs(self.difference) > 0.05

    @property
    def row(self) -> tuple[str, ...]:
        digits = 0 if self.name == "tokens in the cache" else 2
        note = f"; {self.log['note']}" if self.is_far else ""
        is_weights = self.name == WEIGHTS and "taken_gib" in self.log
        if "ended" in self.log and not is_weights:
            note += f'; the start ended: "{self.log["ended"]}"'
        return (
            f"{self.log['model']}, {self.log['card']}",
            self.name,
            f"{self.logged:,.{digits}f}",
            f"{self.estimated:,.{digits}f}",
            f"{self.difference:+.1%}{note}",
            f"[{self.log['from']}]({self.log['source']})",
        )


def figures() -> list[Figure]:
    """Every number of every log."""
    content = json.loads(LOGS.read_text())
    models = {name: facts(config) for name, config in content["models"].items()}
    return [made for log in content["logs"] for made in _compared(log, models[log["model"]])]


def facts(config: dict[str, Any]) -> ModelFacts:
    """The model of a config, or of a known one with changes."""
    if "known" not in config:
        return from_config(config, source="log")
    kinds = ["sliding_attention", "full_attention"] * (config.get("num_hidden_layers", 24) // 2)
    changed = {**CONFIGS[config["known"]], **config, "layer_types": kinds}
    return from_config(changed, source="log")


def workload(log: dict[str, Any], model: ModelFacts) -> Workload:
    """The settings that engine was started with."""
    sizes = ParallelSizes(log.get("tensor", 1), log.get("pipeline", 1))
    return Workload(model, model.quantization, sizes, 4096, 4096, log.get("sequences", 256))


def _compared(log: dict[str, Any], model: ModelFacts) -> Iterator[Figure]:
    work = workload(log, model)
    made = memory.on_gpus(work, log["gib"], log.get("fraction", 0.9), log.get("batched", 2048))
    if "weights_gib" in log:
        yield Figure(log, WEIGHTS, log["weights_gib"], made.weights_per_gpu_gib)
    if "room_gib" in log:  # older than the counting of CUDA graphs
        share = log["gib"] * log["fraction"]
        taken = share - made.kv_room_gib - memory.GPU_GRAPHS_GIB
        yield Figure(log, "GiB a GPU without the cache", share - log["room_gib"], taken)
    if "taken_gib" in log:
        taken = made.weights_per_gpu_gib + made.activations_gib + made.overhead_gib
        name = "GiB a GPU without the cache"
        yield Figure(log, name, log["taken_gib"], taken - memory.GPU_GRAPHS_GIB)
    if "tokens" in log:
        gib = log["cache_gib"] if "cache_gib" in log else log["room_gib"]
        token = kv_bytes_per_token(model) * work.kv_share
        yield Figure(log, "tokens in the cache", log["tokens"], gib * GIB / token)


def rows(compared: list[Figure]) -> list[tuple[str, ...]]:
    """Render the figures of the default model, a row each, then the range of the others."""
    shown = [figure for figure in compared if "gpt-oss-20b" in figure.log["model"]]
    others = [figure.difference for figure in compared if figure not in shown]
    span = f"{min(others):+.1%} to {max(others):+.1%}"
    source = f"[{LOGS.name}](records/{LOGS.name})"
    last = (f"{len(others)} figures of other models", "", "", "", span, source)
    return [*(figure.row for figure in shown), last]


BLOCKS: Final = {"gpu memory logs": lambda: table(HEAD, rows(figures()))}
