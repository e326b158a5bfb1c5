"""The launcher's estimate beside what an engine says and takes."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from launcher import settings
from launcher.models import resolve
from launcher.planning import hardware, installation
from launcher.planning.hardware import GIB
from launcher.planning.planner import make_plan
from tests.real.stack import Stack, alive

CACHE_LINE = re.compile(r"KV cache size: ([\d,]+) tokens")


def check_estimate(stack: Stack, ours: dict[str, str], prepared: Path | None = None) -> None:
    """Assert that resident size and cache tokens are as estimated; busy machines were 10 % off."""
    chosen = settings.load(ours, None)
    named = resolve.read_model(chosen)
    model = resolve.read_made(named, prepared) if prepared else named
    plan = make_plan(chosen, hardware.detect(), model, installation.detect())
    space_gib = int(stack.find("api_server").environ()["VLLM_CPU_KVCACHE_SPACE"])
    match = CACHE_LINE.search(stack.log.read_text(errors="replace"))
    assert match, "the engine did not say how many tokens its cache holds"
    assert plan.memory.kv_space_gib == space_gib
    workload = replace(plan.workload, batched_tokens=2048)
    tokens = space_gib / workload.longest_gib * plan.context.max_model_len
    assert tokens == pytest.approx(int(match[1].replace(",", "")), rel=0.1)
    assert plan.memory.per_gpu_gib == pytest.approx(resident_gib(stack), rel=0.12)


def resident_gib(stack: Stack) -> float:
    """Of every process of the engine; what they share is counted once (PSS)."""
    server = stack.find("api_server")
    engine = [server, *server.children(recursive=True)]
    return sum(float(process.memory_full_info().pss) for process in alive(engine)) / GIB
