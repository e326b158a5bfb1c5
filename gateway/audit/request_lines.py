"""The lines of one request in a trail, and whether the chain holds around each."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from hmac import HMAC
from pathlib import Path

from gateway.audit import chain
from gateway.audit.chain import Line
from gateway.audit.verify import lines_of
from gateway.runtime.json_types import Json

CHANGED = "This line is not what was written."


@dataclass(frozen=True, slots=True)
class RequestLine:
    """A line that names the request. `record` is empty where it cannot be read, `problems` where
    the chain holds around it."""

    where: str
    record: Json
    problems: tuple[str, ...]


def find(path: Path, *, request_id: str, key: str) -> Iterator[RequestLine]:
    """Yield every line of a request by its id or the caller's, rotated files included: a caller may
    choose one twice. Raises OSError."""
    mac, named = chain.new_mac(key), f'request_id":"{request_id}"'.encode()
    before, held = b"", ("", b"")
    for where, raw in itertools.chain(lines_of(path), [("", b"")]):
        if named in held[1]:
            yield request_line(held, before, raw, mac)
        before, held = held[1], (where, raw)


def request_line(held: tuple[str, bytes], before: bytes, after: bytes, mac: HMAC) -> RequestLine:
    """Return a line, judged with its neighbours; an empty neighbour is an end of the trail."""
    line = chain.parse_line(held[1].removesuffix(b"\n"), mac)
    if line is None or not line.is_genuine:
        return RequestLine(held[0], line.record if line else {}, (CHANGED,))
    problems = (*problems_before(line, before, mac), *problems_after(line, after, mac))
    return RequestLine(held[0], line.record, problems)


def problems_before(line: Line, before: bytes, mac: HMAC) -> Iterator[str]:
    """Yield what is wrong with the line before; none is needed before the first of a chain."""
    if not before:
        if line.head.seq > 1:
            yield "The lines before it are not here: archived elsewhere, or removed."
        return
    entry = chain.parse_line(before.removesuffix(b"\n"), mac)
    if entry is None or not entry.is_genuine:
        yield "The line before it is not what was written."
    elif entry.head.mac != line.prev:
        yield "Lines before it were removed or moved."


def problems_after(line: Line, after: bytes, mac: HMAC) -> Iterator[str]:
    """Yield what is wrong with the line after; whether the end was cut off shows in no line."""
    entry = chain.parse_line(after.removesuffix(b"\n"), mac)
    if after and (entry is None or not entry.is_genuine):
        yield "The line after it is not what was written."
    elif entry is not None and entry.prev != line.head.mac:
        yield "Lines after it were removed or moved."
