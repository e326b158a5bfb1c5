"""Search trails with SQL. DuckDB reads their files, of a closed one its copy if there is one."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from glob import escape
from hmac import HMAC
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

import duckdb

from gateway.audit import chain
from gateway.audit.copies import FIELDS, connect, current_copies, quote, read_lines
from gateway.audit.verify import files_of
from gateway.runtime.json_types import Json

COLUMNS = ", ".join(f'"{name}"' for name in ("filename", "line", *FIELDS))
READ_COPIES = "SELECT {columns} FROM read_parquet({files}, filename = true)"
FIND = "SELECT filename, line FROM lines WHERE seq IS NULL OR ({condition}) ORDER BY time, seq"


class Unreadable(Exception):
    """Part of the trail is no text, and has no row."""


@dataclass(frozen=True, slots=True)
class FoundLine:
    """A line of a file; its record is empty if it is no line of a trail."""

    file: str
    record: Json
    is_genuine: bool


class Search:
    """The lines of trails as one table, `lines`: the `filename` as of `names`, the `line` as it was
    written, and its FIELDS."""

    def __init__(self, trails: Iterable[Path], mac: HMAC) -> None:
        self.names: dict[str, str] = {}
        self._trails = trails
        self._mac = mac
        self._opened = ExitStack()
        self._files: list[str] = []
        self._copies: dict[str, str] = {}

    def __enter__(self) -> Self:
        """Open every trail, so that a rotation hides no line; raises OSError."""
        for trail in self._trails:
            closed, current = files_of(trail)
            copies = current_copies(closed)
            for file in closed:
                self.names |= {str(path): file.name for path in (file, copies.get(file, file))}
            self._files += [str(file) for file in closed]
            self._copies |= {str(file): str(copy) for file, copy in copies.items()}
            if current is not None:
                path = f"/dev/fd/{self._opened.enter_context(current).fileno()}"
                self.names[path] = trail.name
                self._files.append(path)
        folder = self._opened.enter_context(TemporaryDirectory(prefix="mmhie-audit-"))
        self._database = self._opened.enter_context(connect(folder))
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    def select(self, query: str, parameters: Mapping[str, object]) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of a query. If the copies cannot be used, the files are read.

        Raises OSError, or Unreadable after the rows.
        """
        for copies, lenient in ((self._copies, False), ({}, False), ({}, True)):
            try:
                self._read(copies, lenient=lenient)
                self._database.execute(f"CREATE OR REPLACE TEMP TABLE found AS {query}", parameters)
                break
            except duckdb.Error as problem:
                if lenient or isinstance(problem, duckdb.OutOfMemoryException):
                    raise OSError(0, f"DuckDB raises {type(problem).__name__}") from None
        self._database.execute("FROM found")
        while rows := self._database.fetchmany(1000):
            yield from rows
        if lenient:
            raise Unreadable

    def find(self, condition: str, parameters: Mapping[str, object]) -> Iterator[FoundLine]:
        """Yield the lines that fulfil a condition, by their times, and at last those that have no
        fields. Raises as `select` does."""
        for path, text in self.select(FIND.format(condition=condition), parameters):
            line = chain.parse_line((text or "").encode(), self._mac)
            is_genuine = line is not None and line.is_genuine
            yield FoundLine(self.names[path], line.record if line else {}, is_genuine)

    def _read(self, copies: Mapping[str, str], *, lenient: bool) -> None:
        files = [file for file in self._files if file not in copies]
        parts = [read_lines(files, lenient=lenient)] if files else []
        if copies:
            names = quote(list(map(escape, copies.values())))
            parts.append(READ_COPIES.format(columns=COLUMNS, files=names))
        self._database.execute(f"CREATE OR REPLACE TEMP VIEW lines AS {' UNION ALL '.join(parts)}")
