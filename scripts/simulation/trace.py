"""What callers ask: arrival times with the tokens of each question and answer, from a seed."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Call:
    """One request: when it comes (s), from whom, and its tokens.

    `prefix` names what it shares with other requests (a system message, a conversation) and
    `shared` how many of its input tokens that is.
    """

    at_s: float
    tokens_in: int
    tokens_out: int
    client: int = 0
    prefix: int = 0
    shared: int = 0


@dataclass(frozen=True, slots=True)
class Mix:
    """The traffic: mean tokens in and out, and how callers share beginnings of prompts.

    Answers are geometric in length (as an end-of-text token drawn at every step would make them),
    at most four times the mean; questions are uniform within half of their mean either way.
    """

    tokens_in: int
    tokens_out: int
    clients: int = 1000
    conversations: int = 1
    shared: int = 0
    is_fixed: bool = False


def poisson(rate: float, seconds: float, mix: Mix, seed: int) -> list[Call]:
    """Calls of a Poisson process of `rate` a second."""
    draw = random.Random(seed)  # noqa: S311  # a simulation has to be repeatable
    calls, now = [], draw.expovariate(rate)
    while now < seconds:
        calls.append(_call(now, mix, draw))
        now += draw.expovariate(rate)
    return calls


def _call(now: float, mix: Mix, draw: random.Random) -> Call:
    client = draw.randrange(mix.clients)
    talk = draw.randrange(mix.conversations)
    return Call(
        at_s=now,
        tokens_in=mix.shared + (mix.tokens_in if mix.is_fixed else _around(mix.tokens_in, draw)),
        tokens_out=mix.tokens_out if mix.is_fixed else _geometric(mix.tokens_out, draw),
        client=client,
        prefix=client * mix.conversations + talk,
        shared=mix.shared,
    )


def _around(mean: int, draw: random.Random) -> int:
    return max(1, round(mean * draw.uniform(0.5, 1.5)))


def _geometric(mean: int, draw: random.Random) -> int:
    return min(4 * mean, 1 + int(draw.expovariate(1 / max(1, mean - 0.5))))
