"""Reasoning beside the answer and never in it; Harmony's markers nowhere."""

from typing import Final

from assurance.acceptance.check import NotApplicable
from assurance.acceptance.prompts import QUESTIONS
from assurance.acceptance.target import GENERATE, CheckFailed, Target

MARKERS: Final = ("<|", "|>", "<think>", "</think>")
# Warnings of the gateway about an answer whose channels were not clean.
LEAKS: Final = ("harmony", "leak")
WITHHELD: Final = "reasoning_withheld"  # by MMHIE_REASONING
LONG_ENOUGH: Final = 12  # characters of reasoning that are no coincidence in an answer


async def check(target: Target) -> str:
    """Pass if reasoning comes beside some answer, and none of it is in an answer."""
    expected = target.facts.is_reasoning
    if expected is False:
        raise NotApplicable("This model does not reason before it answers")
    is_split = [await ask(target, question) for question in QUESTIONS]
    if expected and not any(is_split):
        raise CheckFailed("No reasoning was split off: the engine's reasoning parser does not act")
    return "Reasoning comes beside the answers, and nothing of it in them."


async def ask(target: Target, question: str) -> bool:
    """Return whether reasoning came, or is withheld by the operator. Raises CheckFailed."""
    shown = await target.post(GENERATE, {"prompt": question, "include_reasoning": True})
    plain = await target.post(GENERATE, {"prompt": question})  # with none, as nobody asks for it
    texts = [str(text or "") for text in (shown["text"], plain["text"], plain.get("reasoning"))]
    thought = str(shown.get("reasoning") or "")
    warnings = " ".join((*(shown.get("warnings") or ()), *(plain.get("warnings") or ())))
    if leak := find_leak(texts, thought.strip(), warnings):
        raise CheckFailed(f"Answers are not clean: {leak}")
    return bool(thought) or WITHHELD in warnings


def find_leak(texts: list[str], thought: str, warnings: str) -> str:
    """Name the fault of some answers to one question; empty when there is none."""
    if any(marker in text for marker in MARKERS for text in texts):
        return "control markers in an answer"
    if any(word in warnings for word in LEAKS):
        return f"the gateway's warnings {warnings}"
    if len(thought) >= LONG_ENOUGH and any(thought in text for text in texts):
        return "reasoning in an answer"
    return ""
