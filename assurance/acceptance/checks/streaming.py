"""Check that a streamed answer arrives while it is written, and no proxy buffers it."""

import time
from dataclasses import dataclass
from typing import Final

from assurance.acceptance.check import Check, Verdict
from assurance.acceptance.prompts import QUESTIONS
from assurance.acceptance.target import COMPLETIONS, Target, Unmeasured

TOKENS: Final = 64
LATEST_SHARE: Final = 0.75  # of the whole time, at which the first event arrives
MOST_TOGETHER: Final = 4.0  # events in one piece, on average


@dataclass(frozen=True, slots=True)
class Streaming:
    """Events of an answer, the reads in which they arrived, and seconds to the first and last."""

    events: int
    pieces: int
    first_s: float
    whole_s: float

    @property
    def share(self) -> float:
        """The first event's time as a share of the whole."""
        return self.first_s / max(self.whole_s, 1e-9)

    @property
    def together(self) -> float:
        """Events in one piece, on average."""
        return self.events / max(self.pieces, 1)


async def measure(target: Target) -> Streaming:
    """Stream an answer, and note when each piece of it arrives."""
    began, events = time.monotonic(), 0
    arrivals = []
    body = target.completion(QUESTIONS[0], TOKENS)
    async with target.stream(COMPLETIONS, body) as answer:
        async for piece in answer.aiter_raw():
            if piece.count(b"data:"):
                arrivals.append(time.monotonic() - began)
                events += piece.count(b"data:")
    if events < TOKENS // 8:
        raise Unmeasured(f"The stream had {events} events, which are too few to judge")
    return Streaming(events, len(arrivals), round(arrivals[0], 3), round(arrivals[-1], 3))


def judge(measured: Streaming) -> Verdict:
    """The first event comes early, and few come together."""
    return Verdict(
        {
            "The answer was collected before it was sent: switch off buffering in the proxy.": (
                measured.together > MOST_TOGETHER
            ),
            "The first token came near the end.": measured.share > LATEST_SHARE,
        },
        "Answers arrive as they are written.",
        f"{measured.events} events in {measured.pieces} pieces, the first after "
        f"{measured.share:.0%} of the time",
        f"{MOST_TOGETHER:.0f} events in a piece, {LATEST_SHARE:.0%}",
    )


CHECK: Final = Check("streaming", measure, judge)
