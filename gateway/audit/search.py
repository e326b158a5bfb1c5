"""Search trails: every line is read, and its MAC checked. About 100,000 lines take a second."""

import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from hmac import HMAC
from pathlib import Path
from typing import Any, BinaryIO, Final

from gateway.audit import chain
from gateway.audit.rotation import open_newest, read_files, read_lines
from gateway.runtime.json_types import Json

# By option: whether a record fits. A line that somebody has changed may have values of any type.
CONDITIONS: Final[Mapping[str, Callable[[Json, Any], bool]]] = {
    "since": lambda record, time: str(record.get("time", "")) >= time,
    "until": lambda record, time: str(record.get("time", "")) < time,
    "client": lambda record, name: record.get("client") == name,
    # A patient's own application may be the client, under a pseudonym.
    "person": lambda record, names: (
        record.get("client") == names[1]
        or any(record.get(name) in names for name in ("user", "reviewer", "by"))
    ),
    "patient": lambda record, names: (
        record.get("patient") in names and record.get("kind") != "query"
    ),
    "request": lambda record, name: (
        name in (record.get("request_id"), record.get("caller_request_id"))
    ),
    "notice": lambda record, rule: rule in values_in(record, "notices"),
    "outcome": lambda record, text: text in (record.get("outcome"), str(record.get("status"))),
    "route": lambda record, path: record.get("route") == path,
    "kinds": lambda record, kinds: record.get("kind") in kinds,
}


def values_in(record: Json, name: str) -> list[object]:
    """Return a field that is a list, or an empty list."""
    value = record.get(name)
    return value if isinstance(value, list) else []


@dataclass(frozen=True, slots=True)
class FoundLine:
    """A line of a file; its record is empty if it is no line of a trail."""

    file: str
    record: Json
    is_genuine: bool

    def order(self) -> tuple[str, str]:
        return str(self.record.get("time", "")), self.file


class Search:
    """The lines of trails. A line of which there are copies counts once."""

    def __init__(self, files: Sequence[tuple[Path, BinaryIO]], mac: HMAC) -> None:
        self._files = files  # of each trail its newest one
        self._mac = mac

    def find(self, wanted: Mapping[str, Any]) -> Iterator[FoundLine]:
        """Yield the lines that fulfil CONDITIONS, and those that have no fields: of one trail in
        their order, of several by their times. Raises OSError."""
        trails = [self._find_in(files, wanted) for files in self._files]
        seen = set[int]()  # 80 bytes for each line that fits
        for line in heapq.merge(*trails, key=FoundLine.order):
            if not line.is_genuine:
                yield line
            elif (mac := int(line.record["mac"][:16], 16)) not in seen:
                seen.add(mac)
                yield line

    def _find_in(
        self, files: tuple[Path, BinaryIO], wanted: Mapping[str, Any]
    ) -> Iterator[FoundLine]:
        conditions = [(CONDITIONS[name], value) for name, value in wanted.items()]
        for file in read_files(*files):
            for line in self._read(file):
                if not line.record or all(fits(line.record, value) for fits, value in conditions):
                    yield line

    def _read(self, file: BinaryIO) -> Iterator[FoundLine]:
        name = Path(file.name).name
        for raw in read_lines(file):
            line = chain.parse_line(raw, self._mac)
            if line is None:
                yield FoundLine(name, {}, is_genuine=False)
            else:
                yield FoundLine(name, line.record, line.is_genuine)


@contextmanager
def search_trails(trails: Iterable[Path], mac: HMAC) -> Iterator[Search]:
    """Open every trail, so that a rotation hides no line; raises OSError."""
    with ExitStack() as opened:
        yield Search([(trail, opened.enter_context(open_newest(trail))) for trail in trails], mac)
