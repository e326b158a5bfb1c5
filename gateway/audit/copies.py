"""Copies of a trail's closed files, which are searched instead of them: Parquet, sorted by patient.

The file stays the evidence. Its copy has a MAC of its content in its name, and is made again from
the file when it is missing or older.
"""

import json
import os
import tempfile
from collections.abc import Sequence
from glob import escape
from pathlib import Path

import duckdb

from gateway.audit import chain
from gateway.runtime.files import write_whole

# Fields of a line that a query can use. With another set, change SUFFIX.
FIELDS = {
    **dict.fromkeys(("seq", "status", "more_like_this"), "BIGINT"),
    **dict.fromkeys(("prompt_tokens", "completion_tokens"), "BIGINT"),
    **dict.fromkeys(("time", "kind", "client", "user", "patient", "reviewer", "by"), "VARCHAR"),
    **dict.fromkeys(("request_id", "caller_request_id", "route", "outcome"), "VARCHAR"),
    **dict.fromkeys(("model", "truncated"), "VARCHAR"),
    **dict.fromkeys(("notices", "output_digests"), "VARCHAR[]"),
}
SUFFIX = ".1.parquet"
# A line that is no JSON object has no fields.
READ_LINES = """
SELECT filename, line, fields.* FROM (
  SELECT filename, line, TRY(from_json(line, {fields})) AS fields
  FROM read_csv({files}, columns = {{'line': 'VARCHAR'}}, delim = '\x01', quote = '', escape = '',
    new_line = '\\n', header = false, auto_detect = false, strict_mode = false,
    buffer_size = 4194304, max_line_size = 1048576,
    ignore_errors = {lenient}, filename = true))
"""
COPY = """
COPY (SELECT * EXCLUDE (filename) FROM ({lines}) ORDER BY patient, time, seq)
TO {copy} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 8192)
"""
LEAST_BYTES = 10 * 1024 * 1024  # of a file that is not read as fast
MEMORY, MOST_THREADS = "200MB", 4  # a gateway may run in the same container


def current_copies(files: Sequence[Path]) -> dict[Path, Path]:
    """Return the copies of files of one folder that are not older than the file."""
    copies = {}
    for copy in files[0].parent.glob(f"*{SUFFIX}") if files else ():
        file = copy.with_name(copy.name.removesuffix(SUFFIX).rpartition(".")[0])
        if file in files and copy.stat().st_mtime_ns >= file.stat().st_mtime_ns:
            copies[file] = copy
    return copies


def refresh_copies(files: Sequence[Path], key: str, verified_ns: int) -> list[Path]:
    """Copy large closed files that have no copy, without those that were changed since they were
    verified; return the copies that somebody has changed. Raises OSError."""
    copies = current_copies(files)
    for file in files:
        if file not in copies and file.stat().st_size >= LEAST_BYTES:
            write_copy(file, key, verified_ns)
    return [
        copy for file, copy in copies.items() if copy != name_copy(file, copy.read_bytes(), key)
    ]


def write_copy(file: Path, key: str, verified_ns: int) -> None:
    """Write the copy of a file, whole or not at all; raises OSError."""
    with tempfile.TemporaryDirectory(prefix="mmhie-audit-") as folder, connect(folder) as database:
        draft = Path(folder, "draft")
        try:
            database.execute(COPY.format(lines=read_lines([str(file)]), copy=quote(str(draft))))
        except duckdb.Error as problem:
            raise OSError(0, f"DuckDB raised {type(problem).__name__}") from None
        content = draft.read_bytes()
    if file.stat().st_ctime_ns < verified_ns:
        write_whole(name_copy(file, content, key), content, mode=0o600)


def name_copy(file: Path, content: bytes, key: str) -> Path:
    mac = chain.compute_mac(content, chain.new_mac(key, purpose=f"{file.name}{SUFFIX}"))
    return file.with_name(f"{file.name}.{mac}{SUFFIX}")


def connect(folder: str) -> duckdb.DuckDBPyConnection:
    """Return a database in memory, which puts what has no room there into a folder."""
    database = duckdb.connect(
        config={
            "memory_limit": MEMORY,
            "temp_directory": folder,
            "threads": min(MOST_THREADS, len(os.sched_getaffinity(0))),
            "autoinstall_known_extensions": False,
        }
    )
    database.execute("SET enable_progress_bar = false")  # it would go to standard output
    return database


def read_lines(files: list[str], *, lenient: bool = False) -> str:
    """Return the query that reads JSON lines; a lenient one leaves out what is no text."""
    fields = quote(json.dumps(FIELDS))
    names = quote(list(map(escape, files)))
    return READ_LINES.format(fields=fields, files=names, lenient=lenient)


def quote(value: str | list[str]) -> str:
    """Return a value as SQL."""
    if isinstance(value, list):
        return f"[{', '.join(map(quote, value))}]"
    return "'" + value.replace("'", "''") + "'"
