"""Split a text into the lines that the classifier reads: sentences in plain small letters.

Training and screening share this module, so that form carries no weight: neither capitals nor
stops nor accents are left, and a fragment joins its neighbour.
Every step runs over the whole text in the interpreter's own loops.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import partial
from html.entities import html5

SHORTEST, LONGEST = 10, 240  # characters of a line; a longer one is read in parts
PART = 16_384  # characters that are parted into lines in one step: 0.3 ms, of strange letters 2 ms
SLICE = 32  # characters that are taken apart at once: marks in a row are sorted, in quadratic time
# Sentences end; so do the fields of a form, of JSON, of a table in text.
STOPS = (b". ", b"?", b"!", b"; ", b" - ", b" / ", b'",', b',"', b'":', rb"\n")
BORDERS = "\n\t|<>{}[]"  # of lines, cells, tags, objects
GLUED = re.compile(rb"\.(?<=[a-z\xe0-\xff]{2}\.)(?=[a-z\xe0-\xff]{2})")  # a blank was forgotten
MARKS = (
    ("\u2019", "'"),
    ("\u2018", "'"),
    ("\u2013", " "),
    ("\u2014", " "),
    ("\u2026", ". "),
    ("\u3002", ". "),
)
# What JSON and HTML write for a letter that counts.
ESCAPE = re.compile(r"\\u[0-9a-f]{4}|&#?[0-9a-z]{2,6};")
COUNTS = {*map(chr, range(0x20, 0x100)), *dict(MARKS)}
ESCAPED = {f"&{name}": letter for name, letter in html5.items() if letter in COUNTS} | {
    form.format(ord(letter)): letter
    for letter in COUNTS
    for form in ("\\u{:04x}", "&#{};", "&#x{:x};")
}
# Letters of other scripts that look like Latin ones; and a sign that is 18 letters, taken apart.
LOOKALIKES = str.maketrans("авеіјкмнорѕстухαικνορτυω\ufdfa", "abeijkmhopsctyxaiknoptuw ")


def read_as(code: int) -> str:
    """Return what a character of Latin-1 counts as: its base letter, 0 for a digit, or a blank."""
    base = unicodedata.normalize("NFKD", chr(code).lower())[0]
    if base.isdigit():
        return "0"  # how long a number is: which one it is, records are full of
    if base in BORDERS:
        return "\n"
    if base.isascii() and base.isalpha():
        return base
    return "s" if base == "ß" else " "


LETTERS = "".join(map(read_as, range(256))).encode()


def without_escapes(text: str) -> str:
    """Return a text in small letters without the escapes of JSON and HTML."""
    if "&" not in text and "\\u" not in text:
        return text
    return ESCAPE.sub(lambda found: ESCAPED.get(found[0], found[0]), text)


def latin(text: str) -> bytes:
    """Return a text in Latin-1; of other scripts only what has a Latin letter in it."""
    if text.isascii():
        return text.encode()
    for mark, plain in MARKS:
        text = text.replace(mark, plain)
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return bare(text.translate(LOOKALIKES)).encode("latin-1", "ignore")


def bare(text: str) -> str:
    """Return a text with its marks apart from its letters, in whatever order."""
    slices = (text[at : at + SLICE] for at in range(0, len(text), SLICE))
    return "".join(map(partial(unicodedata.normalize, "NFKD"), slices))


def lines_of(text: str, letters: bytes = LETTERS) -> list[str]:
    """Return the sentences of a text as they are read, none longer than `LONGEST`."""
    flat = latin(without_escapes(text.lower()))
    for stop in STOPS:
        flat = flat.replace(stop, b"\n")
    flat = GLUED.sub(b"\n", flat)
    return list(joined(flat.translate(letters, b"'").decode().split("\n")))


def joined(pieces: list[str]) -> Iterator[str]:
    """Join fragments with what follows them, and part what is too long."""
    head = ""
    for piece in pieces:
        line = f"{head} {piece}" if head else piece
        if line.isspace():
            continue
        if len(line) < SHORTEST:
            head = line
            continue
        head = ""
        if len(line) > LONGEST:
            yield from parted(line)
        else:
            yield line
    if head and not head.isspace():
        yield head


def parted(line: str) -> Iterator[str]:
    """Part a line where a blank is, without the parts that are nothing but blanks."""
    while line:
        at = len(line)
        if at > LONGEST:
            at = line.rfind(" ", SHORTEST, LONGEST) + 1 or LONGEST
        if not line[:at].isspace():
            yield line[:at]
        line = line[at:]


def parts_of(text: str) -> Iterator[str]:
    """Part a text of any length where a blank is, so that no part takes long."""
    start = 0
    while start < len(text):
        end = start + PART
        if end < len(text):
            end = text.rfind(" ", start + PART // 2, end) + 1 or end
        yield text[start:end]
        start = end
