"""The hash chain: each line has its number, the MAC of the line before it, and its own MAC.

A line is `{"seq":N,"prev":"<mac of line N-1>",...,"mac":"<hex>"}`; the MAC is HMAC-SHA256 over the
very bytes before `,"mac"`, closed by `}`: nothing is serialised again to verify a line.
"""

import hashlib
import hmac
from dataclasses import dataclass

import orjson

from gateway.runtime.json_types import Json

MAC_HEX = hashlib.sha256().digest_size * 2
TAIL = len(b',"mac":""}') + MAC_HEX


@dataclass(frozen=True, slots=True)
class ChainHead:
    """The last line of a chain, by number and MAC."""

    seq: int
    mac: str


START = ChainHead(0, "0" * MAC_HEX)


def new_mac(key: str) -> hmac.HMAC:
    """Return a MAC with its key set; each line copies it, which is cheaper than a new one."""
    return hmac.new(key.encode(), digestmod=hashlib.sha256)


def signed_line(record: Json, head: ChainHead, mac: hmac.HMAC) -> tuple[bytes, ChainHead]:
    """Return a record as the line after `head`, newline included, and the new head."""
    content = orjson.dumps({"seq": head.seq + 1, "prev": head.mac, **record})
    proof = mac_of(content, mac)
    line = b"".join((content[:-1], b',"mac":"', proof.encode(), b'"}\n'))
    return line, ChainHead(head.seq + 1, proof)


def end_of_line(head: ChainHead) -> bytes:
    """Return the bytes that the line of a head ends with."""
    return b',"mac":"%b"}\n' % head.mac.encode()


def mac_of(content: bytes, mac: hmac.HMAC) -> str:
    own = mac.copy()
    own.update(content)
    return own.hexdigest()


@dataclass(frozen=True, slots=True)
class Line:
    """A line that was read back; `is_genuine` when its MAC is right under this key."""

    record: Json
    head: ChainHead
    prev: str
    is_genuine: bool


def parse_line(line: bytes, mac: hmac.HMAC) -> Line | None:
    """Parse a line without its newline; None when it is not a line of a chain."""
    content, proof = line[:-TAIL] + b"}", line[-TAIL:]
    try:
        record = orjson.loads(line)
        head = ChainHead(int(record["seq"]), str(record["mac"]))
        prev = str(record["prev"])
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        return None
    expected = b',"mac":"%b"}' % mac_of(content, mac).encode()
    return Line(record, head, prev, hmac.compare_digest(proof, expected))
