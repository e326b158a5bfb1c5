"""An answer or event of the engine's without its log probabilities and token ids, which nothing
here reads.

With twenty at each token they are most of 20 MB, whose parsing would hold the interpreter for half
a second: they are passed over item by item, which lets other threads go on, and are put back as
they came where the rest is written anew.
"""

import re
import secrets
from collections.abc import Sequence
from json import JSONDecoder
from typing import NamedTuple, Never

from gateway.runtime.heavy_work import HEAVY_BYTES

KEY = re.compile(
    rb'"(?:prompt_)?(?:logprobs|token_ids)"\s*+:\s*+(?=[\[{])'
)  # in text its quotes are escaped
NAME = r'(?:"(?:[^"\\]++|\\.)*+"[ \n\r\t]*+:[ \n\r\t]*+)?'  # of a value in an object
FIRST = re.compile(r"[ \n\r\t]*+" + NAME)
NEXT = re.compile(r"[ \n\r\t]*+,[ \n\r\t]*+" + NAME)
CLOSING = {"[": re.compile(r"[ \n\r\t]*+\]"), "{": re.compile(r"[ \n\r\t]*+\}")}
NUMBERS = re.compile(r"(?:[ \n\r\t]*+[0-9]++[ \n\r\t]*+,){1,500}+")
LAST_NUMBER = re.compile(r"[ \n\r\t]*+[0-9]++[ \n\r\t]*+\]")
LEVELS = 2  # of lists and objects that are read item by item
LARGEST_ITEM = 32 * 1024  # characters; a token's has 2,000 and takes 0.02 ms
LONGEST_NUMBER = 64
WORTH_IT = 256  # bytes; a shorter value is left where it is
MARK = secrets.token_hex(16)  # no engine knows it
PLACE = re.compile(rb'"%b-(\d+)"' % MARK.encode())


def refuse(constant: str) -> Never:
    """Raise ValueError for NaN and Infinity, which are no JSON."""
    raise ValueError(constant)


read_value = JSONDecoder(parse_constant=refuse).raw_decode


class LightAnswer(NamedTuple):
    """An answer, what of it has to be parsed, and what was set aside."""

    whole: bytes
    body: bytes
    logprobs: Sequence[memoryview] = ()

    @classmethod
    def of(cls, answer: bytes) -> "LightAnswer":
        """Set aside the log probabilities of a large answer; one of another form stays whole."""
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


def without_logprobs(answer: bytes) -> tuple[bytes, list[memoryview]]:
    """Return an answer with places in the stead of log probabilities, and these."""
    text = answer.decode("latin-1")  # a character for each byte: only the form is read
    pieces: list[bytes] = []
    logprobs: list[memoryview] = []
    view = memoryview(answer)  # a copy of 20 MB would hold the interpreter for 20 to 80 ms
    start = end = 0
    while key := KEY.search(answer, end):
        end = end_of(text, key.end(), LEVELS)
        if end - key.end() > WORTH_IT:
            pieces += [answer[start : key.end()], b'"%b-%d"' % (MARK.encode(), len(logprobs))]
            logprobs.append(view[key.end() : end])
            start = end
    return b"".join([*pieces, answer[start:]]), logprobs


def end_of(text: str, at: int, levels: int) -> int:
    """Return where a JSON value ends; raises ValueError or IndexError where it does not, or an item
    is large."""
    if (numbers_end := past_numbers(text, at)) != at:
        return numbers_end
    closing = CLOSING.get(text[at]) if levels else None
    if closing is None:
        is_long = text[at] in '[{"'  # a number is not, and is most of a list
        return at + read_value(text[at : at + (LARGEST_ITEM if is_long else LONGEST_NUMBER)])[1]
    between = FIRST.match(text, at + 1)
    closed = closing.match(text, at + 1)
    while between and not closed:
        at = end_of(text, between.end(), levels - 1)
        between, closed = NEXT.match(text, at), closing.match(text, at)
    if closed is None:
        raise ValueError("neither a comma nor the end")
    return closed.end()


def past_numbers(text: str, at: int) -> int:
    """Return where a list of whole numbers ends, `at` itself where none begins: token ids are
    passed over some hundreds at a time."""
    end = at + 1
    while text[at] == "[" and (some := NUMBERS.match(text, end)):
        end = some.end()
    last = LAST_NUMBER.match(text, end) if text[at] == "[" else None
    return last.end() if last else at
