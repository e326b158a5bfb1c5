"""Reasoning beside the answer and never in it; Harmony's markers nowhere."""

from dataclasses import dataclass
from typing import Final

from assurance.acceptance.check import Check, NotApplicable, Verdict
from assurance.acceptance.prompts import QUESTIONS
from assurance.acceptance.target import GENERATE, Target

MARKERS: Final = ("<|", "|>", "<think>", "</think>")
# Warnings of the gateway about an answer whose channels were not clean.
LEAKS: Final = ("harmony", "leak")
NOT_SPLIT: Final = "No reasoning was split off: the engine's reasoning parser does not act."
WITHHELD: Final = "reasoning_withheld"  # by MMHIE_REASONING
LONG_ENOUGH: Final = 12  # characters of reasoning that are no coincidence in an answer


@dataclass(frozen=True, slots=True)
class AnswerPair:
    """Two answers of /llm/generate to one question: with the reasoning beside it, and without."""

    text: str
    reasoning: str
    plain: str
    warnings: tuple[str, ...]

    @property
    def leak(self) -> str:
        """The fault found; empty when there is none."""
        texts = (self.text, self.plain)
        if any(marker in text for marker in MARKERS for text in texts):
            return "control markers in an answer"
        if any(word in warning for word in LEAKS for warning in self.warnings):
            return f"the gateway's warnings {', '.join(self.warnings)}"
        thought = self.reasoning.strip()
        if len(thought) >= LONG_ENOUGH and any(thought in text for text in texts):
            return "reasoning in an answer"
        return ""


@dataclass(frozen=True, slots=True)
class Answers:
    """Answers to the fixed questions; whether reasoning has to come with one of them."""

    pairs: tuple[AnswerPair, ...]
    is_expected: bool


async def measure(target: Target) -> Answers:
    """Ask each question with its reasoning and without."""
    expected = target.facts.is_reasoning
    if expected is False:
        raise NotApplicable("This model does not reason before it answers")
    pairs = [await answer(target, question) for question in QUESTIONS]
    is_withheld = any(WITHHELD in pair.warnings for pair in pairs)
    return Answers(tuple(pairs), bool(expected) and not is_withheld)


async def answer(target: Target, question: str) -> AnswerPair:
    """Ask one question in both ways."""
    shown = await target.post(GENERATE, {"prompt": question, "include_reasoning": True})
    plain = await target.post(GENERATE, {"prompt": question})
    warnings = (*(shown.get("warnings") or ()), *(plain.get("warnings") or ()))
    extra = str(plain.get("reasoning") or "")  # nobody asked for it here
    return AnswerPair(
        str(shown.get("text") or ""),
        str(shown.get("reasoning") or ""),
        str(plain.get("text") or "") + extra,
        tuple(map(str, warnings)),
    )


def judge(measured: Answers) -> Verdict:
    """Reasoning comes beside some answer, and none of it is in an answer."""
    leaks = [answer.leak for answer in measured.pairs if answer.leak]
    thought = sum(bool(answer.reasoning) for answer in measured.pairs)
    count = len(measured.pairs)
    return Verdict(
        {
            f"Answers are not clean: {'; '.join(dict.fromkeys(leaks))}.": leaks,
            NOT_SPLIT: measured.is_expected and not thought,
        },
        "Reasoning comes beside the answers, and nothing of it in them.",
        f"{len(leaks)} of {count} with a leak, {thought} with reasoning",
        "none with a leak" + (", one with reasoning" if measured.is_expected else ""),
    )


CHECK: Final = Check("reasoning", measure, judge)
