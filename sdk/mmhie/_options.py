"""Optional fields of a question, passed on as they are."""

from collections.abc import Sequence
from typing import Literal, TypedDict


class SamplingOptions(TypedDict, total=False):
    """What `chat` takes beyond the original signature."""

    top_p: float
    seed: int
    stop: str | Sequence[str]
    reasoning_effort: Literal["low", "medium", "high"]
    include_reasoning: bool


class GenerateOptions(SamplingOptions, total=False):
    """What `generate` and `stream` take beyond the original signature."""

    system: str
