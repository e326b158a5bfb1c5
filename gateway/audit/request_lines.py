"""The lines of one request in a trail, and whether each is linked to its neighbours."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from hmac import HMAC
from pathlib import Path

from gateway.audit import chain
from gateway.audit.chain import Line
from gateway.audit.verify import lines_of
from gateway.runtime.json_types import Json


@dataclass(frozen=True, slots=True)
class RequestLine:
    """A line that names the request. `record` is empty if it cannot be parsed; `problems` is empty
    if the chain is intact around it."""

    where: str
    record: Json
    problems: tuple[str, ...]


def find(path: Path, *, request_id: str, key: str) -> Iterator[RequestLine]:
    """Yield every line of a request by its id or the caller's, rotated files included: a caller may
    use an id twice. Raises OSError."""
    mac, wanted = chain.new_mac(key), f'request_id":"{request_id}"'.encode()
    before, (where, line) = b"", ("", b"")
    for next_where, after in itertools.chain(lines_of(path), [("", b"")]):
        if wanted in line:
            yield check_line(where, line, before, after, mac)
        before, where, line = line, next_where, after


def check_line(where: str, raw: bytes, before: bytes, after: bytes, mac: HMAC) -> RequestLine:
    """Return a line, checked against its neighbours; at an end of the trail one is empty."""
    line = parse(raw, mac)
    if line is None or not line.is_genuine:
        record = line.record if line else {}
        return RequestLine(where, record, ("This line is not what was written.",))
    problems = (*problems_before(line, before, mac), *problems_after(line, after, mac))
    return RequestLine(where, line.record, problems)


def problems_before(line: Line, before: bytes, mac: HMAC) -> Iterator[str]:
    """Yield what is wrong with the line before; the first of a chain needs none."""
    if not before:
        if line.head.seq > 1:
            yield "The lines before it are not here: archived elsewhere, or removed."
        return
    neighbour = parse(before, mac)
    if neighbour is None or not neighbour.is_genuine:
        yield "The line before it is not what was written."
    elif neighbour.head.mac != line.prev:
        yield "Lines before it were removed or moved."


def problems_after(line: Line, after: bytes, mac: HMAC) -> Iterator[str]:
    """Yield what is wrong with the line after; that the end was cut off shows in no line."""
    if not after:
        return
    neighbour = parse(after, mac)
    if neighbour is None or not neighbour.is_genuine:
        yield "The line after it is not what was written."
    elif neighbour.prev != line.head.mac:
        yield "Lines after it were removed or moved."


def parse(raw: bytes, mac: HMAC) -> Line | None:
    return chain.parse_line(raw.removesuffix(b"\n"), mac)
