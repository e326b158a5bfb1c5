"""The size and depth of a JSON document, measured without parsing it.

While a document is parsed, no other thread of this process runs: a million values in one body would
delay all requests.
"""

import re
from collections.abc import Iterator

from gateway.errors import InvalidRequest

MOST_CONTAINERS = 30_000  # lists and objects: parsed in 2 to 6 ms
MOST_VALUES = 150_000  # of a list of short texts: parsed in 6 ms; a context has 131,072 token ids

SAME_BRACKETS = bytes.maketrans(b"{}", b"[]")
NO_MARKS = bytes(set(range(256)) - set(b'{}[]",'))
PIECE_BYTES = 2**18  # read in less than a millisecond, then other threads can run
# A piece never ends within an escape, unless the document does; backslashes are read only once.
PIECE = re.compile(rb"(?s:.{1,%d})(?:(?<=\\)\\*+[^\\]?)?" % PIECE_BYTES)


def check_values(body: bytes) -> None:
    """Raise InvalidRequest for a body with too many values, which bodies up to 32 KB never have."""
    if holds_too_much(body):
        raise InvalidRequest(
            f"The request holds more than {MOST_CONTAINERS:,} lists and objects, or more than "
            f"{MOST_VALUES:,} values; send less at once."
        )


def holds_too_much(document: bytes, most_values: int = MOST_VALUES) -> bool:
    """Return whether a JSON document has too many values to parse."""
    brackets = document.count(b"[") + document.count(b"{")
    if brackets <= MOST_CONTAINERS and document.count(b",") < most_values:
        return False
    containers = commas = 0
    for marks in pieces_outside_texts(document):  # some may be in texts
        containers += marks.count(b"[")
        commas += marks.count(b",")
        if containers > MOST_CONTAINERS or commas >= most_values:
            return True
    return False


def is_deeper(document: bytes, depth: int) -> bool:
    """Return whether a JSON document is nested deeper than this; each step removes all innermost
    pairs of brackets."""
    brackets = outside_texts(document).replace(b",", b"")
    for _ in range(depth):
        brackets = brackets.replace(b"[]", b"")
    return bool(brackets)


def outside_texts(document: bytes) -> bytes:
    """Return the brackets and commas of a JSON document outside of its texts, in order; those of
    objects become those of lists."""
    return b"".join(pieces_outside_texts(document))


def pieces_outside_texts(document: bytes) -> Iterator[bytes]:
    """Yield the result of `outside_texts` piece by piece."""
    in_text = 0
    for piece in pieces(document):
        # Outside of texts there are no backslashes. A pair of adjacent quotes can be removed: it
        # changes nothing for the characters around it.
        unescaped = piece.replace(rb"\\", b"").replace(rb"\"", b"")
        marks = unescaped.translate(SAME_BRACKETS, NO_MARKS).replace(b'""', b"")
        sides = marks.split(b'"')
        yield b"".join(sides[in_text::2])
        in_text ^= (len(sides) - 1) % 2


def pieces(document: bytes) -> Iterator[bytes]:
    return (piece[0] for piece in PIECE.finditer(document))
