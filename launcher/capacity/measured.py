"""Measured figures: the cost of our gateway, and the share of a GPU's arithmetic that is reached.

`make bench` on the slower of two kinds of machine: 0.58 ms for a request, 38 us for a chunk of 256
streams (docs/performance.md: the method, and another machine). Where fewer are open a chunk takes
up to 56 us, and a core has time for it.
"""

from typing import Final

from launcher.planning.cards import Card

REQUEST_S: Final = 0.58e-3
CHUNK_S: Final = 38e-6
# vllm-router 0.1.17, in the same run.
ROUTER_REQUEST_S: Final = 0.08e-3
ROUTER_CHUNK_S: Final = 30e-6


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
