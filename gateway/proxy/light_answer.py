"""An answer or event of the engine without its log probabilities and token ids.

The gateway does not need them. With twenty at each token they are most of 20 MB; parsing that would
block the interpreter for half a second. So they are skipped item by item, which lets other threads
run, and put back unchanged if the rest of the answer has to be rewritten.
"""

import re
import secrets
from collections.abc import Sequence
from json import JSONDecoder
from typing import NamedTuple, Never

from gateway.runtime.heavy_work import HEAVY_BYTES

KEY = re.compile(
    rb'"(?:prompt_)?(?:logprobs|token_ids)"\s*+:\s*+(?=[\[{])'
)  # inside a text the quotes would be escaped
NAME = r'(?:"(?:[^"\\]++|\\.)*+"[ \n\r\t]*+:[ \n\r\t]*+)?'  # of a value in an object
FIRST = re.compile(r"[ \n\r\t]*+" + NAME)
NEXT = re.compile(r"[ \n\r\t]*+,[ \n\r\t]*+" + NAME)
CLOSING = {"[": re.compile(r"[ \n\r\t]*+\]"), "{": re.compile(r"[ \n\r\t]*+\}")}
NUMBERS = re.compile(r"(?:[ \n\r\t]*+[0-9]++[ \n\r\t]*+,){1,500}+")
LAST_NUMBER = re.compile(r"[ \n\r\t]*+[0-9]++[ \n\r\t]*+\]")
LEVELS = 2  # of lists and objects that are skipped item by item
LARGEST_ITEM = 32 * 1024  # characters; that of a token has 2,000 and takes 0.02 ms
LONGEST_NUMBER = 64
WORTH_IT = 256  # bytes; a shorter value stays in place
MARK = secrets.token_hex(16)  # no engine can guess it
PLACE = re.compile(rb'"%b-(\d+)"' % MARK.encode())


def refuse(constant: str) -> Never:
    """Raise ValueError for NaN and Infinity, which are not JSON."""
    raise ValueError(constant)


read_value = JSONDecoder(parse_constant=refuse).raw_decode


class LightAnswer(NamedTuple):
    """An answer, the part of it that has to be parsed, and the values that were set aside."""

    whole: bytes
    body: bytes
    logprobs: Sequence[memoryview] = ()

    @classmethod
    def of(cls, answer: bytes) -> "LightAnswer":
        """Set aside the log probabilities of a large answer, in linear time for at most 64 MiB; an
        unexpected form stays whole."""
        if len(answer) <= HEAVY_BYTES:
            return cls(answer, answer)
        try:
            return cls(answer, *without_logprobs(answer))
        except (ValueError, IndexError, RecursionError):
            return cls(answer, answer)

    def put_back(self, changed: bytes) -> bytes:
        """Put the values that were set aside into a body, where it still has their places."""
        if not self.logprobs:
            return changed
        return PLACE.sub(lambda place: self.logprobs[int(place[1])], changed)


def without_logprobs(answer: bytes) -> tuple[bytes, list[memoryview]]:
    """Replace log probabilities by placeholders; return the answer and the removed values."""
    text = answer.decode("latin-1")  # one character for each byte: only the structure is read
    pieces: list[bytes] = []
    logprobs: list[memoryview] = []
    view = memoryview(answer)  # a copy of 20 MB would block the interpreter for 20 to 80 ms
    start = end = 0
    while key := KEY.search(answer, end):
        end = find_end(text, key.end(), LEVELS)
        if end - key.end() > WORTH_IT:
            pieces += [answer[start : key.end()], b'"%b-%d"' % (MARK.encode(), len(logprobs))]
            logprobs.append(view[key.end() : end])
            start = end
    return b"".join([*pieces, answer[start:]]), logprobs


def find_end(text: str, at: int, levels: int) -> int:
    """Return the position after a JSON value; raise ValueError or IndexError if it has no end, or
    an item in it is too large."""
    if (numbers_end := skip_numbers(text, at)) != at:
        return numbers_end
    closing = CLOSING.get(text[at]) if levels else None
    if closing is None:
        is_long = text[at] in '[{"'  # not a number, the most frequent item
        return at + read_value(text[at : at + (LARGEST_ITEM if is_long else LONGEST_NUMBER)])[1]
    between = FIRST.match(text, at + 1)
    closed = closing.match(text, at + 1)
    while between and not closed:
        at = find_end(text, between.end(), levels - 1)
        between, closed = NEXT.match(text, at), closing.match(text, at)
    if closed is None:
        raise ValueError("neither a comma nor the end")
    return closed.end()


def skip_numbers(text: str, at: int) -> int:
    """Return the position after a list of whole numbers, hundreds at a time; `at` itself if there
    is no such list."""
    end = at + 1
    while text[at] == "[" and (some := NUMBERS.match(text, end)):
        end = some.end()
    last = LAST_NUMBER.match(text, end) if text[at] == "[" else None
    return last.end() if last else at
