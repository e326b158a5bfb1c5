"""A greedy answer stays the same when it is repeated, and with other requests in the batch.

vLLM promises equal bits in another batch only with VLLM_BATCH_INVARIANT: rounding may break a tie
between two tokens, and the rest of the answer then differs. Where the two tokens were no tie, the
answer is another request's.
"""

import asyncio
from dataclasses import dataclass
from typing import Final

from assurance.acceptance.check import Check, Verdict
from assurance.acceptance.prompts import NEIGHBOURS, PASSAGE
from assurance.acceptance.target import COMPLETIONS, Target, Unmeasured
from launcher.json_types import Json

TOKENS: Final = 48
# Natural log of probability: the largest rounding error seen with bf16 in another order.
TIE: Final = 0.1


@dataclass(frozen=True, slots=True)
class Repeat:
    """Tokens of three greedy answers, and the gap between the two likeliest at each token."""

    alone: tuple[str, ...]
    gaps: tuple[float, ...]
    again: tuple[str, ...]
    beside: tuple[str, ...]
    neighbours: int

    def difference(self, other: tuple[str, ...]) -> int | None:
        """Return the first token that differs from the answer alone; None if all are equal."""
        pairs = enumerate(zip(self.alone, other, strict=False))
        first = next((place for place, (token, other) in pairs if token != other), None)
        shorter = min(len(self.alone), len(other))
        return shorter if first is None and len(self.alone) != len(other) else first

    def is_tie(self, place: int) -> bool:
        """Return whether rounding may have swapped the two likeliest tokens there."""
        return place < len(self.gaps) and self.gaps[place] <= TIE


async def measure(target: Target) -> Repeat:
    """Complete the passage alone, again, and among others that start with it."""
    alone, gaps = await complete(target, PASSAGE)
    again, _ = await complete(target, PASSAGE)
    prompts = (*NEIGHBOURS[::2], PASSAGE, *NEIGHBOURS[1::2])
    answers = await asyncio.gather(*(complete(target, prompt) for prompt in prompts))
    beside, _ = answers[prompts.index(PASSAGE)]
    return Repeat(alone, gaps, again, beside, len(NEIGHBOURS))


async def complete(target: Target, prompt: str) -> tuple[tuple[str, ...], tuple[float, ...]]:
    """Return the tokens of a greedy completion, and the distance of the second likeliest."""
    body = target.completion(prompt, TOKENS, logprobs=2)
    choice: Json = (await target.post(COMPLETIONS, body))["choices"][0]
    logprobs = choice.get("logprobs") or {}
    if not logprobs.get("tokens"):
        raise Unmeasured("The completion came without log-probabilities")
    gaps = tuple(gap(top) for top in logprobs.get("top_logprobs") or ())
    return tuple(logprobs["tokens"]), gaps


def gap(top: dict[str, float] | None) -> float:
    """Return the gap between the two likeliest; infinite if only one is known."""
    ranked = sorted((top or {}).values(), reverse=True)
    return ranked[0] - ranked[1] if len(ranked) > 1 else float("inf")


def judge(measured: Repeat) -> Verdict:
    """The answers are equal, or differ only after a tie."""
    places = {
        "repeated": measured.difference(measured.again),
        f"with {measured.neighbours} neighbours": measured.difference(measured.beside),
    }
    differing = {how: place for how, place in places.items() if place is not None}
    wrong = [how for how, place in differing.items() if not measured.is_tie(place)]
    count = len(measured.alone)
    if differing:
        sentence = (
            f"No other request's answer, but not always the same: {' and '.join(differing)} it "
            "differs from a tie between two tokens on; VLLM_BATCH_INVARIANT=1 rules that out."
        )
    else:
        sentence = "The greedy answer is the same when repeated and with neighbours in the batch."
    shown = "; ".join(f"{how}: {equal_tokens(place, count)}" for how, place in places.items())
    fault = f"The greedy answer is another one {' and '.join(wrong)}."
    return Verdict({fault: wrong}, sentence, shown, f"equal up to a tie (within {TIE})")


def equal_tokens(place: int | None, count: int) -> str:
    """Say how many tokens are equal."""
    return f"{count if place is None else place} of {count} tokens equal"


CHECK: Final = Check("greedy answers", measure, judge)
