"""The estimate of GPU memory beside what vLLM logged on GPUs: docs/records/gpu-memory.json."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from launcher.models.config import from_config
from launcher.models.facts import ModelFacts
from launcher.models.families import CONFIGS
from launcher.planning import memory
from launcher.planning.hardware import GIB
from launcher.planning.kv_cache import kv_bytes_per_token
from launcher.planning.memory import ParallelSizes, Workload

RECORD = json.loads((Path(__file__).parents[3] / "docs/records/gpu-memory.json").read_text())
TOLERANCE = 0.05
SORTED = 3


class Figure(NamedTuple):
    """One number of a log and the estimate of it."""

    log: dict[str, Any]
    name: str
    logged: float
    estimated: float

    @property
    def is_near(self) -> bool:
        return abs(self.estimated / self.logged - 1) <= TOLERANCE


def read_facts(config: dict[str, Any]) -> ModelFacts:
    """Return the model of a config and its files' bytes, or of a known one with changes."""
    if "known" not in config:
        size = config.get("published_bytes")
        return replace(from_config(config, source="log"), weight_bytes=size)
    kinds = ["sliding_attention", "full_attention"] * (config.get("num_hidden_layers", 24) // 2)
    changed = {**CONFIGS[config["known"]], **config, "layer_types": kinds}
    return from_config(changed, source="log")


def figures(log: dict[str, Any]) -> Iterator[Figure]:
    """Yield the numbers of one log, which are older than vLLM's counting of CUDA graphs."""
    model = read_facts(RECORD["models"][log["model"]])
    sizes = ParallelSizes(log.get("tensor", 1), log.get("pipeline", 1))
    # they sorted the logits, which took nine copies where Triton takes three
    sequences = SORTED * log.get("sequences", 256)
    work = Workload(model, model.quantization, sizes, 4096, 4096, sequences)
    work = replace(work, batched_tokens=log.get("batched", 2048))
    share = log["gib"] * log.get("fraction", 0.9)
    plan = memory.on_gpus(work, log["gib"], log.get("fraction", 0.9))
    longest = replace(work, batches=sizes.pipeline + 1).longest_gib
    taken = plan.per_gpu_gib - longest - memory.GRAPHS_GIB
    if "weights_gib" in log:
        yield Figure(log, "weights", log["weights_gib"], plan.weights_per_gpu_gib)
    if "room_gib" in log:
        yield Figure(log, "all but the cache", share - log["room_gib"], taken)
    if "taken_gib" in log:
        yield Figure(log, "all but the cache", log["taken_gib"], taken)
    if "tokens" in log:
        gib = log["cache_gib"] if "cache_gib" in log else log["room_gib"]
        tokens = gib * GIB / (kv_bytes_per_token(model) * work.kv_share)
        yield Figure(log, "tokens in the cache", log["tokens"], tokens)


@pytest.mark.parametrize("log", RECORD["logs"], ids=lambda log: f"{log['model']}, {log['card']}")
def test_the_estimate_is_within_5_percent_or_the_record_says_why_not(log: dict[str, Any]) -> None:
    """A log has a note if, and only if, one of its figures is further away."""
    far = [figure for figure in figures(log) if not figure.is_near]

    assert bool(far) == ("note" in log), far
