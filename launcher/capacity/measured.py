"""Measured figures: the cost of our gateway, and the share of a GPU's arithmetic that is reached.

`python -m tests.bench --quick` on the project's shared 2-core machine gave 0.20-0.22 ms for a
request and 23 (256 streams at once) to 35 us (64 streams) for a chunk of a stream; quiet and busy
runs lie between 0.15 and 0.5 ms. docs/performance.md has the machine and the method.
"""

from typing import Final

from launcher.planning.cards import Card

REQUEST_S: Final = 0.3e-3
CHUNK_S: Final = 35e-6
# vllm-router 0.1.17, same kind of machine: 0.07 ms and 22-31 us.
ROUTER_REQUEST_S: Final = 0.07e-3
ROUTER_CHUNK_S: Final = 31e-6


# Share of the data sheet's bf16 arithmetic that vLLM reached reading prompts of gpt-oss-20b, by
# compute capability, from scripts/published_runs.py; generations without a run get the lowest.
READ_SHARE: Final = {(8, 0): 0.36, (9, 0): 0.24}


def has_run(card: Card) -> bool:
    """A run on this architecture is among the published ones."""
    return card.compute_capability in READ_SHARE


def read_flops(card: Card) -> float:
    """FLOP/s the card reaches where arithmetic is the limit."""
    share = READ_SHARE.get(card.compute_capability, min(READ_SHARE.values()))
    return card.bf16_tflops * 1e12 * share
