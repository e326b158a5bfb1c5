"""A greedy answer stays the same when it is repeated, and with other requests in the batch.

vLLM promises equal bits in another batch only with VLLM_BATCH_INVARIANT: rounding may break a tie
between two tokens, and the rest of the answer then differs. Where the two tokens were no tie, the
answer is another request's.
"""

import asyncio
from itertools import zip_longest
from typing import Final

from assurance.acceptance.prompts import NEIGHBOURS, PASSAGE
from assurance.acceptance.target import COMPLETIONS, CheckFailed, Target
from launcher.json_types import Json

TOKENS: Final = 48
# Natural log of probability: the largest rounding error seen with bf16 in another order.
TIE: Final = 0.1
TIED: Final = "The greedy answer differs after a tie alone; VLLM_BATCH_INVARIANT=1 rules that out."


GreedyToken = tuple[str, float]  # with how much likelier it was than the second likeliest


async def check(target: Target) -> str:
    """Complete the passage alone, again, and among others that start with it."""
    alone = await complete(target, PASSAGE)
    again = await complete(target, PASSAGE)
    _, beside, *_ = await asyncio.gather(
        *(complete(target, prompt) for prompt in (NEIGHBOURS[0], PASSAGE, *NEIGHBOURS[1:]))
    )
    is_same = is_equal(alone, again, "repeated")
    is_same &= is_equal(alone, beside, f"with {len(NEIGHBOURS)} neighbours")
    return "The greedy answer is the same, repeated and in a batch." if is_same else TIED


async def complete(target: Target, prompt: str) -> list[GreedyToken]:
    """Return a greedy completion."""
    body = target.completion(prompt, TOKENS, logprobs=2)
    choice: Json = (await target.post(COMPLETIONS, body))["choices"][0]
    logprobs = choice.get("logprobs") or {}
    if not logprobs.get("tokens"):
        raise CheckFailed("The completion came without log-probabilities")
    gaps = map(gap, logprobs.get("top_logprobs") or ())
    return list(zip(logprobs["tokens"], gaps, strict=False))


def gap(top: dict[str, float] | None) -> float:
    """Return the gap between the two likeliest; infinite if only one is known."""
    ranked = sorted((top or {}).values(), reverse=True)
    return ranked[0] - ranked[1] if len(ranked) > 1 else float("inf")


def is_equal(alone: list[GreedyToken], other: list[GreedyToken], how: str) -> bool:
    """Return False after a tie. Raises CheckFailed where the answers differ without one."""
    for place, (token, there) in enumerate(zip_longest(alone, other, fillvalue=("", 1.0))):
        if token[0] != there[0]:
            if token[1] <= TIE:
                return False
            raise CheckFailed(f"The greedy answer is another one {how}, from token {place} on")
    return True
