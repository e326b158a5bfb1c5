"""Measured figures: throughput of gpt-oss-20b as others published it, and the cost of our gateway.

`python -m tests.bench --quick` on the project's shared 2-core machine gave 0.20-0.22 ms for a
request and 23 (256 streams at once) to 35 us (64 streams) for a chunk of a stream; quiet and busy
runs lie between 0.15 and 0.5 ms. docs/performance.md has the machine and the method.
"""

from dataclasses import dataclass
from typing import Final

from launcher.planning.cards import Card

REQUEST_S: Final = 0.3e-3
CHUNK_S: Final = 35e-6
# vllm-router 0.1.17, same kind of machine: 0.07 ms and 22-31 us.
ROUTER_REQUEST_S: Final = 0.07e-3
ROUTER_CHUNK_S: Final = 31e-6


def gateway_cores(rate: float, chunks: float) -> float:
    """Processors busy with `rate` requests and `chunks` chunks a second."""
    return rate * REQUEST_S + chunks * CHUNK_S


def router_cores(rate: float, chunks: float) -> float:
    """The same of the router, which uses several processors by itself."""
    return rate * ROUTER_REQUEST_S + chunks * ROUTER_CHUNK_S


# Share of the data sheet's bf16 arithmetic that vLLM reached reading prompts of gpt-oss-20b, by
# compute capability, from RUNS; generations without a run get the lowest.
READ_SHARE: Final = {(8, 0): 0.36, (9, 0): 0.24}

# GPUStack's performance lab, `vllm bench serve` with vLLM 0.11.0 and --async-scheduling, one SXM
# GPU of 80 GB, all prompts sent at once; read 2026-11 as docs/performance-lab/gpt-oss-20b/h100.md
# and a100.md of github.com/gpustack/gpustack (docs.gpustack.ai/latest/performance-lab).
SOURCE: Final = "https://docs.gpustack.ai/latest/performance-lab/gpt-oss-20b/h100"


@dataclass(frozen=True, slots=True)
class Run:
    """One run: mean tokens in and out of a request, how many were sent, most at once, requests/s.

    `together` is vLLM's own bound then: 1,024 sequences on an H100, 256 on an A100.
    """

    gpu: str
    tokens_in: int
    tokens_out: int
    requests: int
    together: int
    rate: float


RUNS: Final = (
    Run("h100", 128, 4, 1000, 1024, 247.52),
    Run("h100", 215, 194, 1000, 1024, 46.74),
    Run("h100", 2000, 94, 500, 1024, 15.85),
    Run("h100", 4000, 106, 500, 1024, 8.24),
    Run("h100", 32000, 94, 100, 1024, 0.926),
    Run("a100", 128, 4, 1000, 256, 190.7),
    Run("a100", 215, 194, 1000, 256, 26.66),
    Run("a100", 2000, 94, 500, 256, 9.04),
    Run("a100", 4000, 106, 500, 256, 4.03),
    Run("a100", 32000, 95, 100, 256, 0.23),
)


def has_run(card: Card) -> bool:
    """A run on this architecture is among the published ones."""
    return card.compute_capability in READ_SHARE


def read_flops(card: Card) -> float:
    """FLOP/s the card reaches where arithmetic is the limit."""
    share = READ_SHARE.get(card.compute_capability, min(READ_SHARE.values()))
    return card.bf16_tflops * 1e12 * share
