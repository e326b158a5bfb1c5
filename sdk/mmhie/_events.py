"""What a stream is made of: deltas as the engine emits them, then the end."""

from dataclasses import dataclass, field

from mmhie._answer import Answer


@dataclass(frozen=True, slots=True)
class Delta:
    """The next piece of the answer."""

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    """The next piece of the model's reasoning; comes only when include_reasoning was asked for."""

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class End:
    """The answer is complete: the last event of every stream that did not fail."""

    answer: Answer


Event = Delta | ReasoningDelta | End
