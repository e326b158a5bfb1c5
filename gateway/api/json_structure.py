"""The structure of a JSON document, looked at before or without parsing it.

A million values in one body would hold up everybody: while they are parsed no thread of this
process does anything else.
"""

from gateway.errors import InvalidRequest

MOST_CONTAINERS = 50_000  # lists and objects: parsed in 3 to 6 ms
MOST_VALUES = 250_000  # of a list of short texts: parsed in 10 ms

SAME_BRACKETS = bytes.maketrans(b"{}", b"[]")
NO_MARKS = bytes(set(range(256)) - set(b'{}[]",'))


def check_values(body: bytes) -> None:
    """Raise InvalidRequest for a body of more values than a model can be asked about: there are
    none among those of up to 64 KB."""
    if has_too_many(body, b"[{") and has_too_many(outside_texts(body), b"["):
        raise InvalidRequest(
            f"The request holds more than {MOST_CONTAINERS:,} lists and objects, or more than "
            f"{MOST_VALUES:,} values; send less at once."
        )


def has_too_many(document: bytes, brackets: bytes) -> bool:
    """Return whether so many lists and objects begin here, or so many values follow another."""
    containers = sum(document.count(bracket) for bracket in brackets)
    return containers > MOST_CONTAINERS or document.count(b",") >= MOST_VALUES


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
    # Outside of texts there is no backslash. A pair of quotes with nothing between them may as well
    # be the end of one text and the beginning of the next: without it, nothing changes sides.
    unescaped = document.replace(rb"\\", b"").replace(rb"\"", b"")
    marks = unescaped.translate(SAME_BRACKETS, NO_MARKS).replace(b'""', b"")
    return b"".join(marks.split(b'"')[::2])
