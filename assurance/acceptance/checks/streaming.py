"""Check that a streamed answer arrives while it is written, and no proxy buffers it."""

from typing import Final

from assurance.acceptance.prompts import QUESTIONS
from assurance.acceptance.target import CheckFailed, Target

TOKENS: Final = 64
LATEST_SHARE: Final = 0.75  # of the whole time, at which the first event arrives
MOST_TOGETHER: Final = 4.0  # events in one piece, on average
MOST_DELAY_S: Final = 1.0  # of the first event, against the gateway's own address


async def check(target: Target) -> str:
    """Pass if the first event comes early, also beside the direct one, and few come together."""
    direct_s = await time_directly(target)  # first, so that no cache flatters it
    reads = await target.time_stream(QUESTIONS[0], TOKENS)
    events = sum(piece.count(b"data:") for _, piece in reads)
    if events < TOKENS // 8:
        raise CheckFailed(f"The stream had {events} events, which are too few to judge")
    (first_s, _), (whole_s, _) = reads[0], reads[-1]
    times = f"the first after {first_s:.2f} of {whole_s:.2f} s"
    if direct_s is not None:
        times += f", directly after {direct_s:.2f} s"
    figures = f"{events} events in {len(reads)} pieces, {times}"
    is_late = direct_s is not None and first_s - direct_s > MOST_DELAY_S
    if events / len(reads) > MOST_TOGETHER or is_late:
        raise CheckFailed(f"A proxy buffers the answer: switch off its buffering ({figures})")
    if first_s > LATEST_SHARE * whole_s:
        raise CheckFailed(f"The first token came near the end ({figures})")
    return f"Answers arrive as they are written: {figures}."


async def time_directly(target: Target) -> float | None:
    """Return the seconds until the first event at the gateway's own address, if that is given."""
    if target.direct is None:
        return None
    async with target.direct as gateway:
        reads = await gateway.time_stream(QUESTIONS[0], TOKENS)
    return reads[0][0]
