"""The chain: each line carries its number, the MAC of the line before it, and its own MAC.

A line is `{"seq":N,"prev":"<mac of line N-1>",...,"mac":"<hex>"}`; the MAC is HMAC-SHA256 over the
very bytes before `,"mac"`, closed by `}`: nothing is serialised anew between a line and its proof.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

MAC_HEX = hashlib.sha256().digest_size * 2
TAIL = len(b',"mac":""}') + MAC_HEX


@dataclass(frozen=True, slots=True)
class Head:
    """The last line of a chain, by number and MAC."""

    seq: int
    mac: str


START = Head(0, "0" * MAC_HEX)


def keyed(key: str) -> hmac.HMAC:
    """The MAC with its key taken in; copied for each line, which is cheaper than a new one."""
    return hmac.new(key.encode(), digestmod=hashlib.sha256)


def seal(record: Mapping[str, Any], head: Head, mac: hmac.HMAC) -> tuple[bytes, Head]:
    """A record as the line after `head`, newline included, and the head it makes."""
    content = orjson.dumps({"seq": head.seq + 1, "prev": head.mac, **record})
    proof = mac_of(content, mac)
    line = b"".join((content[:-1], b',"mac":"', proof.encode(), b'"}\n'))
    return line, Head(head.seq + 1, proof)


def mac_of(content: bytes, mac: hmac.HMAC) -> str:
    own = mac.copy()
    own.update(content)
    return own.hexdigest()


@dataclass(frozen=True, slots=True)
class Line:
    """A line that was read back; `is_genuine` says that its MAC is right under our key."""

    record: Mapping[str, Any]
    head: Head
    prev: str
    is_genuine: bool


def open_line(line: bytes, mac: hmac.HMAC) -> Line | None:
    """A line without its newline; None when it is no line of a chain at all."""
    content, proof = line[:-TAIL] + b"}", line[-TAIL:]
    try:
        record = orjson.loads(line)
        head = Head(int(record["seq"]), str(record["mac"]))
        prev = str(record["prev"])
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        return None
    expected = b',"mac":"%b"}' % mac_of(content, mac).encode()
    return Line(record, head, prev, hmac.compare_digest(proof, expected))
