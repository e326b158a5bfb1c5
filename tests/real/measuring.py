"""The launcher's estimate beside what an engine says and takes."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from launcher import settings
from launcher.models import resolve
from launcher.planning import hardware, installation
from launcher.planning.hardware import GIB
from launcher.planning.memory import Workload
from launcher.planning.plan import EnginePlan
from launcher.planning.planner import make_plan
from tests.real.stack import Stack

CACHE_LINE = re.compile(r"KV cache size: ([\d,]+) tokens")


@dataclass(frozen=True)
class Measured:
    """An engine's resident size and the tokens its cache holds, estimated and real."""

    estimated_gib: float
    resident_gib: float
    estimated_tokens: int
    tokens: int


def check_estimate(
    stack: Stack, ours: dict[str, str], prepared: Path | None = None, *, size: float = 0.1
) -> None:
    """Assert that resident size and cache tokens are estimated within a tenth."""
    figures = measured(stack, ours, prepared)
    assert abs(figures.estimated_gib / figures.resident_gib - 1) < size, figures
    assert abs(figures.estimated_tokens / figures.tokens - 1) < 0.1, figures


def measured(stack: Stack, ours: dict[str, str], prepared: Path | None) -> Measured:
    """Of a running service that was started with these settings and has answered.

    `pytest -rP` shows the numbers.
    """
    chosen = settings.load(ours, None)
    named = resolve.read_model(chosen)
    model = resolve.read_made(named, prepared) if prepared else named
    plan = make_plan(chosen, hardware.detect(), model, installation.detect())
    space_gib = int(stack.find("api_server").environ()["VLLM_CPU_KVCACHE_SPACE"])
    match = CACHE_LINE.search(stack.log.read_text(errors="replace"))
    assert match, "the engine did not say how many tokens its cache holds"
    assert plan.memory.kv_space_gib == space_gib
    result = Measured(
        estimated_gib=plan.memory.per_gpu_gib,
        resident_gib=resident_gib(stack),
        estimated_tokens=int(
            space_gib / workload_of(plan).longest_gib * plan.context.max_model_len
        ),
        tokens=int(match[1].replace(",", "")),
    )
    sys.stdout.write(f"{plan.model.id} {plan.quantization.name} {plan.sizes}: {result}\n")
    return result


def workload_of(plan: EnginePlan) -> Workload:
    """The plan's workload as each process on the CPU holds it."""
    planned = plan.workload
    return replace(planned, batched_tokens=2048 * planned.sizes.devices)


def resident_gib(stack: Stack) -> float:
    """Of every process of the engine; what they share is counted once (PSS)."""
    server = stack.find("api_server")
    engine = [server, *server.children(recursive=True)]
    return (
        sum(float(process.memory_full_info().pss) for process in engine if is_there(process)) / GIB
    )


def is_there(one: psutil.Process) -> bool:
    """Still running: a process can end while it is looked at."""
    return bool(one.is_running() and one.status() != psutil.STATUS_ZOMBIE)
