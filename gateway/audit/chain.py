"""The hash chain: each line has its number, the MAC of the previous line, and its own MAC.

A line is `{"seq":N,"prev":"<mac of line N-1>",...,"mac":"<hex>"}`. Its MAC is HMAC-SHA256 over the
bytes before `,"mac"` plus a closing `}`, so a line is verified without serialising it again.
"""

import hashlib
import hmac
import re
from dataclasses import dataclass, field
from functools import cached_property

import orjson

from gateway.runtime.json_types import Json

MOST_PARTS = 100  # objects and lists in a line: many times what a gateway writes
MAC_HEX = hashlib.sha256().digest_size * 2  # hexadecimal digits
CHAIN_FIELDS = ("seq", "prev", "mac")
TAIL = len(b',"mac":""}') + MAC_HEX  # bytes from `,"mac"` to the end of a line
LINE = re.compile(
    rb'\{"seq":(\d{1,18}),"prev":"([0-9a-f]{64})",?.*,"mac":"([0-9a-f]{64})"\}', re.DOTALL
)


@dataclass(frozen=True, slots=True)
class ChainHead:
    """Number and MAC of the last line of a chain; a checkpoint names the trail's file."""

    seq: int
    mac: str
    file: str = field(default="", compare=False)


START = ChainHead(0, "0" * MAC_HEX)


def new_mac(key: str, *, purpose: str = "") -> hmac.HMAC:
    """Return an HMAC with its key set, to be copied for each line: a new one would cost more.

    Lines of other files beside the trail are signed for the file, their `purpose`: none can be
    copied into another.
    """
    secret = hmac.digest(key.encode(), purpose.encode(), "sha256") if purpose else key.encode()
    return hmac.new(secret, digestmod=hashlib.sha256)


def signed_line(record: Json, head: ChainHead, mac: hmac.HMAC) -> tuple[bytes, ChainHead]:
    """Return a record as the signed line after `head`, with its newline, and the new head."""
    content = orjson.dumps({"seq": head.seq + 1, "prev": head.mac, **record})
    digest = compute_mac(content, mac)
    line = b"".join((content[:-1], b',"mac":"', digest.encode(), b'"}\n'))
    return line, ChainHead(head.seq + 1, digest)


def end_of_line(head: ChainHead) -> bytes:
    """Return the last bytes of the line that is the head: its MAC and the newline."""
    return b',"mac":"%b"}\n' % head.mac.encode()


def compute_mac(content: bytes, mac: hmac.HMAC) -> str:
    copy = mac.copy()
    copy.update(content)
    return copy.hexdigest()


@dataclass(frozen=True)
class Line:
    """A line; `is_genuine` is true if its MAC matches its content and the key."""

    raw: bytes
    head: ChainHead
    prev: str
    is_genuine: bool

    @cached_property
    def record(self) -> Json:
        """The content of the line; empty if somebody has made it no JSON, or one so deep that
        nothing could print it."""
        if not self.is_genuine and self.raw.count(b"{") + self.raw.count(b"[") > MOST_PARTS:
            return {}
        try:
            record: Json = orjson.loads(self.raw)
        except orjson.JSONDecodeError:
            return {}
        return record

    @property
    def content(self) -> Json:
        """The record without what the chain has added."""
        return {name: self.record[name] for name in self.record if name not in CHAIN_FIELDS}


def parse_line(raw: bytes, mac: hmac.HMAC) -> Line | None:
    """Parse a line, with or without its newline; return None if it is no line of a hash chain."""
    line = raw.removesuffix(b"\n")
    ends = LINE.fullmatch(line)
    if ends is None:
        return None
    digest = compute_mac(line[:-TAIL] + b"}", mac)
    head = ChainHead(int(ends[1]), ends[3].decode())
    return Line(line, head, ends[2].decode(), hmac.compare_digest(head.mac, digest))


def genuine_line(raw: bytes, mac: hmac.HMAC) -> Line | None:
    """Parse a line; return None unless it is as it was written with this key."""
    line = parse_line(raw, mac)
    return line if line is not None and line.is_genuine else None
