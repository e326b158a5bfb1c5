"""Plan of an answer, decided before a byte of it is sent."""

import hashlib
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.fake_engine.prompt import prompt_text

SENTENCE = (
    "The patient presents with mild symptoms that began two days ago and has no known allergies"
    " so a careful history examination and basic laboratory tests are reasonable first steps"
    " before any treatment is considered by the responsible clinician"
)
DOCUMENT = ('{"', "answer", '":', " 1", "}")
THOUGHTS = ("The", " question", " is", " about", " symptoms", ";", " answer", " briefly", ".")


@dataclass(frozen=True, slots=True)
class Plan:
    """One answer: tokens of each channel and how it ends."""

    content: tuple[str, ...] | None
    finish_reason: str
    stop_reason: str | None = None
    reasoning: tuple[str, ...] = ()
    thoughts: tuple[str, ...] = THOUGHTS
    tool: str | None = None
    endless: bool = False
    spent: int = 0

    @property
    def completion_tokens(self) -> int:
        """Tokens the engine generated for this answer."""
        return len(self.reasoning) + len(self.content or ()) + self.spent

    @property
    def text(self) -> str | None:
        """The answer channel as one string."""
        return None if self.content is None else "".join(self.content)


def plan_for(
    body: Mapping[str, Any], *, length: int, index: int = 0, vocabulary: str = SENTENCE
) -> Plan:
    """The answer to a request: the same request always gives the same words."""
    budget = budget_of(body)
    wanted = length_of(body, natural=length, budget=budget)
    words = DOCUMENT if asks_for_json(body) else spoken(body, index, vocabulary.split(" "))
    tokens = tuple(itertools.islice(words, wanted))
    ended = asks_for_json(body) and len(tokens) == len(DOCUMENT)
    short = budget is not None and len(tokens) >= budget and not ended
    stops = body.get("stop") or body.get("stop_sequences")
    return stopped(Plan(tokens, "length" if short else "stop"), stops)


def length_of(body: Mapping[str, Any], *, natural: int, budget: int | None) -> int:
    """Return the tokens to generate: to the budget when the end is ignored, else naturally."""
    if budget is not None and body.get("ignore_eos"):
        return budget
    wanted = max(natural, int(body.get("min_tokens") or 0))
    return wanted if budget is None else min(budget, wanted)


def budget_of(body: Mapping[str, Any]) -> int | None:
    """The most tokens the request allows, under any of its three names."""
    for name in ("max_completion_tokens", "max_tokens", "max_output_tokens"):
        if str(body.get(name)).isdigit():  # vLLM takes "16", too
            return int(body[name])
    return None


def spoken(body: Mapping[str, Any], index: int, among: Sequence[str]) -> Iterator[str]:
    """Words without end, walked from a place that the request decides."""
    key = f"{body.get('seed')}|{index}|{prompt_text(body)}"
    start = int.from_bytes(hashlib.sha256(key.encode()).digest()[:4], "big")
    stride = 1 + start % (len(among) - 1)
    yield among[start % len(among)]
    for step in itertools.count(1):
        yield " " + among[(start + step * stride) % len(among)]


def asks_for_json(body: Mapping[str, Any]) -> bool:
    """Return whether the answer has to be a JSON document."""
    nested = (body.get("output_config") or {}).get("format")  # where /v1/messages has it
    return bool((body.get("response_format") or nested or {}).get("type", "text") != "text")


def stopped(plan: Plan, stop: str | list[str] | None) -> Plan:
    """Cut the answer at the first stop string, as the engine does."""
    text = plan.text or ""
    for mark in [stop] if isinstance(stop, str) else stop or []:
        if mark and mark in text:
            return Plan(kept(plan.content or (), text.index(mark)), "stop", stop_reason=mark)
    return plan


def kept(tokens: tuple[str, ...], limit: int) -> tuple[str, ...]:
    """The leading tokens that end within `limit` characters."""
    ends = itertools.accumulate(len(token) for token in tokens)
    return tuple(token for token, end in zip(tokens, ends, strict=True) if end <= limit)
