"""Check that a streamed answer arrives while it is written, and no proxy buffers it."""

from typing import Final

from assurance.acceptance.prompts import QUESTIONS
from assurance.acceptance.target import CheckFailed, Target

TOKENS: Final = 64
LATEST_SHARE: Final = 0.75  # of the whole time, at which the first event arrives
MOST_TOGETHER: Final = 4.0  # events in one piece, on average


async def check(target: Target) -> str:
    """Pass if the first event comes early, and few come together."""
    stream = await target.time_stream(QUESTIONS[0], TOKENS)
    if stream.events < TOKENS // 8:
        raise CheckFailed(f"The stream had {stream.events} events, which are too few to judge")
    figures = (
        f"{stream.events} events in {stream.pieces} pieces, "
        f"the first after {stream.first_s:.2f} of {stream.whole_s:.2f} s"
    )
    if stream.events / stream.pieces > MOST_TOGETHER:
        raise CheckFailed(f"A proxy buffers the answer: switch off its buffering ({figures})")
    if stream.first_s > LATEST_SHARE * stream.whole_s:
        raise CheckFailed(f"The first token came near the end ({figures})")
    return f"Answers arrive as they are written: {figures}."
