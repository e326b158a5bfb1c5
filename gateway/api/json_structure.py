"""The structure of a JSON document, looked at before or without parsing it.

A million values in one body would hold up everybody: while they are parsed no thread of this
process does anything else.
"""

import re
from collections.abc import Iterable, Iterator

from gateway.errors import InvalidRequest

MOST_CONTAINERS = 30_000  # lists and objects: parsed in 2 to 6 ms
MOST_VALUES = 150_000  # of a list of short texts: parsed in 6 ms; a context has 131,072 token ids

SAME_BRACKETS = bytes.maketrans(b"{}", b"[]")
NO_MARKS = bytes(set(range(256)) - set(b'{}[]",'))
PIECE_BYTES = 2**18  # looked at in less than a millisecond, after which other threads run
# Ends in no escape, but where the document does: a run of backslashes is then read only once.
PIECE = re.compile(rb"(?s:.{1,%d})(?:(?<=\\)\\*+[^\\]?)?" % PIECE_BYTES)


def check_values(body: bytes) -> None:
    """Raise InvalidRequest for a body of more values than a model can be asked about: there are
    none among those of up to 32 KB."""
    if holds_too_much(body):
        raise InvalidRequest(
            f"The request holds more than {MOST_CONTAINERS:,} lists and objects, or more than "
            f"{MOST_VALUES:,} values; send less at once."
        )


def holds_too_much(document: bytes) -> bool:
    """Return whether a JSON document holds more values than are parsed in one go."""
    if not has_too_many(pieces(document), b"[{"):
        return False
    return has_too_many(pieces_outside_texts(document), b"[")


def has_too_many(parts: Iterable[bytes], brackets: bytes) -> bool:
    """Return whether so many lists and objects begin here, or so many values follow another."""
    containers = commas = 0
    for piece in parts:
        containers += sum(piece.count(bracket) for bracket in brackets)
        commas += piece.count(b",")
        if containers > MOST_CONTAINERS or commas >= MOST_VALUES:
            return True
    return False


def is_deeper(document: bytes, depth: int) -> bool:
    """Return whether lists and objects of a JSON document are nested deeper than this; the
    innermost pairs of brackets are taken out together."""
    brackets = outside_texts(document).replace(b",", b"")
    for _ in range(depth):
        brackets = brackets.replace(b"[]", b"")
    return bool(brackets)


def outside_texts(document: bytes) -> bytes:
    """Return the brackets and commas that are in no text of a JSON document, in their order; those
    of objects look like those of lists."""
    return b"".join(pieces_outside_texts(document))


def pieces_outside_texts(document: bytes) -> Iterator[bytes]:
    """Yield the same of one piece after the other."""
    in_text = 0
    for piece in pieces(document):
        # Outside of texts there is no backslash. A pair of quotes with nothing between them may as
        # well be the end of one text and the beginning of the next: without it, nothing changes
        # sides.
        unescaped = piece.replace(rb"\\", b"").replace(rb"\"", b"")
        marks = unescaped.translate(SAME_BRACKETS, NO_MARKS).replace(b'""', b"")
        sides = marks.split(b'"')
        yield b"".join(sides[in_text::2])
        in_text ^= (len(sides) - 1) % 2


def pieces(document: bytes) -> Iterator[bytes]:
    return (piece[0] for piece in PIECE.finditer(document))
