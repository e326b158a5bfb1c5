"""Published throughput of gpt-oss-20b, which the capacity model is held against."""

from dataclasses import dataclass
from typing import Final

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
