"""Several requests at once: all are answered, and faster than one after the other."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from statistics import median
from typing import Final

from assurance.acceptance.check import Check, Verdict
from assurance.acceptance.prompts import notes
from assurance.acceptance.target import COMPLETIONS, Target, Unmeasured

AT_ONCE, ROUNDS, ALONE = 8, 2, 4
WORDS, TOKENS = 96, 24
LEAST_RATIO: Final = 0.8  # of tokens a second at once to those of one request after the other


@dataclass(frozen=True, slots=True)
class LoadReply:
    """One answer under load: seconds to its first token, and what went wrong."""

    first_s: float
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Load:
    """Answers a second, alone and at once; first tokens in seconds; what went wrong."""

    alone_s: float
    at_once_s: float
    requests: int
    first_median_s: float
    first_longest_s: float
    problems: tuple[str, ...]

    @property
    def ratio(self) -> float:
        """The speed at once as a multiple of the speed one after the other."""
        return self.at_once_s / max(self.alone_s, 1e-9)


async def measure(target: Target) -> Load:
    """Ask one after the other, then many at once; no two prompts begin alike."""
    prompts = notes(1, WORDS)
    await ask(target, next(prompts))  # the first request of a service may be slow
    alone_s, first = await time_rounds(target, [[prompt] for prompt in islice(prompts, ALONE)])
    rounds = [list(islice(prompts, AT_ONCE)) for _ in range(ROUNDS)]
    at_once_s, replies = await time_rounds(target, rounds)
    times = [reply.first_s for reply in replies if not reply.problem] or [0.0]
    problems = dict.fromkeys(reply.problem for reply in (*first, *replies) if reply.problem)
    return Load(
        round(alone_s, 3),
        round(at_once_s, 3),
        len(replies),
        round(median(times), 3),
        round(max(times), 3),
        tuple(problems),
    )


async def time_rounds(
    target: Target, rounds: Sequence[Sequence[str]]
) -> tuple[float, list[LoadReply]]:
    """Ask each round at once; return the answers a second, and every reply."""
    began = time.monotonic()
    replies = [
        reply
        for prompts in rounds
        for reply in await asyncio.gather(*(ask(target, prompt) for prompt in prompts))
    ]
    answered = sum(not reply.problem for reply in replies)
    return answered / (time.monotonic() - began), replies


async def ask(target: Target, prompt: str) -> LoadReply:
    """Stream one answer to its end."""
    began, first_s, last = time.monotonic(), 0.0, ""
    try:
        async with target.stream(COMPLETIONS, target.completion(prompt, TOKENS)) as answer:
            async for line in answer.aiter_lines():
                if line.startswith('data: {"error"'):
                    return LoadReply(first_s, "a stream ended with an error")
                if line.startswith("data:"):
                    first_s, last = first_s or time.monotonic() - began, line
    except Unmeasured as problem:
        return LoadReply(first_s, str(problem))
    is_whole = last.removeprefix("data:").strip() == "[DONE]"
    return LoadReply(first_s, "" if is_whole else "a stream ended early")


def judge(measured: Load) -> Verdict:
    """Every request is answered, and many at once take no longer than one after the other."""
    problems = "; ".join(measured.problems)
    slow = f"{AT_ONCE} requests at once are slower than one after the other."
    return Verdict(
        {
            f"Under load not every request was answered: {problems}.": problems,
            slow: measured.ratio < LEAST_RATIO,
        },
        f"{AT_ONCE} requests at once are answered.",
        f"{measured.ratio:.1f} times as fast as in turn ({measured.at_once_s:.2f} answers/s), "
        f"first token after {measured.first_median_s:.2f} s, at most "
        f"{measured.first_longest_s:.2f} s",
        f"none fails, {LEAST_RATIO} times",
    )


CHECK: Final = Check("load", measure, judge)
