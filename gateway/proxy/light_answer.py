"""An answer or event of the engine's without its log probabilities, which nothing here reads.

With twenty at each token they are most of 20 MB, whose parsing would hold the interpreter for half
a second: they are passed over item by item, which lets other threads go on, and are put back as
they came where the rest is written anew.
"""

import re
import secrets
from collections.abc import Sequence
from json import JSONDecoder
from typing import NamedTuple

from gateway.runtime.heavy_work import HEAVY_BYTES

KEY = re.compile(rb'"(?:prompt_)?logprobs"\s*:\s*(?=[\[{])')  # in text its quotes would be escaped
BETWEEN = re.compile(r'[\s,]*+(?:"(?:[^"\\]++|\\.)*+"\s*+:\s*+)?')  # two values of a list or object
LEVELS = 2  # of lists and objects that are read item by item: 2 KB, 0.02 ms
MARK = secrets.token_hex(16)  # no engine knows it
PLACE = re.compile(rb'"%b-(\d+)"' % MARK.encode())
read_value = JSONDecoder().raw_decode


class LightAnswer(NamedTuple):
    """An answer, what of it has to be parsed, and what was set aside."""

    whole: bytes
    body: bytes
    logprobs: Sequence[bytes] = ()

    @classmethod
    def of(cls, answer: bytes) -> "LightAnswer":
        """Set aside the log probabilities of a large answer; one that is no JSON stays whole."""
        if len(answer) <= HEAVY_BYTES:
            return cls(answer, answer)
        try:
            return cls(answer, *without_logprobs(answer))
        except (ValueError, IndexError, RecursionError):
            return cls(answer, answer)

    def put_back(self, changed: bytes) -> bytes:
        """Return a body with what was set aside, where it still has a place."""
        if not self.logprobs:
            return changed
        return PLACE.sub(lambda place: self.logprobs[int(place[1])], changed)


def without_logprobs(answer: bytes) -> tuple[bytes, list[bytes]]:
    """Return an answer with places in the stead of log probabilities, and these."""
    text = answer.decode("latin-1")  # a character for each byte: only the form is read
    pieces: list[bytes] = []
    logprobs: list[bytes] = []
    start = 0
    while key := KEY.search(answer, start):
        end = end_of(text, key.end(), LEVELS)
        pieces += [answer[start : key.end()], b'"%b-%d"' % (MARK.encode(), len(logprobs))]
        logprobs.append(answer[key.end() : end])
        start = end
    return b"".join([*pieces, answer[start:]]), logprobs


def end_of(text: str, at: int, levels: int) -> int:
    """Return where a JSON value ends; raises ValueError or IndexError where it does not."""
    if not levels or text[at] not in "[{":
        return read_value(text, at)[1]
    at = next_value(text, at + 1)
    while text[at] not in "]}":
        at = next_value(text, end_of(text, at, levels - 1))
    return at + 1


def next_value(text: str, at: int) -> int:
    """Return where the value behind commas and a name begins, or the end of what holds it is."""
    between = BETWEEN.match(text, at)
    return between.end() if between else at
