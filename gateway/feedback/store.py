"""The database of feedback: recent answers by request id, entries, and their encrypted texts.

SQLite, because several processes of one machine write to it, a crash at any moment must lose
nothing that was acknowledged, and a full disk must be an error and not half a line. One connection
for each thread; every method raises StoreFailed for what the disk says.
"""

import contextlib
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson

from gateway.feedback.entry import Answered, Entry, Outcome

VERSION = 1
READING = "BEGIN"
WRITING = "BEGIN IMMEDIATE"  # so that two processes never both read before they write
LOCK_WAIT_S = 2.0
MOST_ANSWERS = 1_000_000  # about 0.4 GB; the oldest go first
MOST_PER_ANSWER = 16  # entries of one client
PRUNED_AT_ONCE = 10_000
SCHEMA = """
CREATE TABLE answers (
  number INTEGER PRIMARY KEY, id TEXT NOT NULL, caller_id TEXT, client TEXT NOT NULL,
  ended REAL NOT NULL, facts TEXT NOT NULL);
CREATE INDEX answers_by_id ON answers (id);
CREATE INDEX answers_by_caller_id ON answers (caller_id) WHERE caller_id IS NOT NULL;
CREATE INDEX answers_by_time ON answers (ended);
CREATE TABLE feedback (
  id TEXT PRIMARY KEY, fingerprint TEXT NOT NULL UNIQUE, created REAL NOT NULL,
  client TEXT NOT NULL, category TEXT NOT NULL, severity TEXT, request_id TEXT NOT NULL,
  caller_request_id TEXT, asked_by TEXT NOT NULL, answered REAL NOT NULL, facts TEXT NOT NULL,
  others INTEGER NOT NULL, has_text INTEGER NOT NULL, closed REAL, closed_by TEXT, outcome TEXT);
CREATE INDEX feedback_by_answer ON feedback (request_id, client);
CREATE INDEX feedback_by_severity ON feedback (severity, created);
CREATE TABLE texts (
  feedback TEXT PRIMARY KEY REFERENCES feedback (id), comment BLOB, corrected_text BLOB);
CREATE TABLE automatic_holds (since REAL NOT NULL);
"""
COLUMNS = (
    "id, created, client, category, severity, has_text, closed, closed_by, outcome, "
    "request_id, caller_request_id, asked_by, answered, facts, others"
)
Row = Sequence[Any]


class StoreFailed(Exception):
    """The database cannot be used now; the message is SQLite's name for why, and holds no text."""


class StoreForeign(StoreFailed):
    """The file is no database of feedback, or one of a newer gateway."""


class TooManyEntries(Exception):
    """This client has given enough feedback on this answer."""


class Store:
    """The database in use by one thread; opened at the first use, and again after a failure."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection: sqlite3.Connection | None = None

    def close(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None

    def note_answers(self, answers: Iterable[Answered]) -> None:
        """Remember answers."""
        rows = [
            (
                answer.request_id,
                answer.caller_request_id,
                answer.client,
                answer.ended,
                dumped(answer.facts),
            )
            for answer in answers
        ]
        with self._transaction() as database:
            database.executemany(
                "INSERT INTO answers (id, caller_id, client, ended, facts) VALUES (?, ?, ?, ?, ?)",
                rows,
            )

    def prune(self, before: float, most: int = MOST_ANSWERS) -> None:
        """Forget some of the answers that ended before a time, or that are over the most."""
        with self._transaction() as database:
            database.execute(
                "DELETE FROM answers WHERE number IN "
                "(SELECT number FROM answers WHERE ended < ? ORDER BY ended LIMIT ?)",
                (before, PRUNED_AT_ONCE),
            )
            (last,) = database.execute("SELECT max(number) FROM answers").fetchone()
            database.execute(
                "DELETE FROM answers WHERE number IN "
                "(SELECT number FROM answers WHERE number <= ? ORDER BY number LIMIT ?)",
                ((last or 0) - most, PRUNED_AT_ONCE),
            )

    def answer_of(self, request_id: str, client: str | None, since: float) -> Answered | None:
        """Return the answer of this id, or the last one of it where a caller chose it more often.

        None for a client is every client.
        """
        with self._transaction(READING) as database:
            rows = database.execute(
                "SELECT id, caller_id, client, ended, facts FROM answers "
                "WHERE (id = :id OR caller_id = :id) AND ended >= :since "
                "AND (:client IS NULL OR client = :client) ORDER BY ended DESC LIMIT 100",
                {"id": request_id, "client": client, "since": since},
            ).fetchall()
        if not rows:
            return None
        id_, caller_id, asked_by, ended, facts = next(
            (row for row in rows if row[0] == request_id), rows[0]
        )
        others = 0 if id_ == request_id else len(rows) - 1
        return Answered(id_, caller_id, asked_by, ended, orjson.loads(facts), others)

    def add(
        self, entry: Entry, fingerprint: str, texts: tuple[bytes | None, bytes | None]
    ) -> Entry | None:
        """Add an entry, its texts with it or nothing at all; return the one that is there already
        and says the same. Raises TooManyEntries."""
        answer = entry.answer
        with self._transaction() as database:
            same = database.execute(
                f"SELECT {COLUMNS} FROM feedback WHERE fingerprint = ?",  # noqa: S608 - a constant
                (fingerprint,),
            ).fetchone()
            if same is not None:
                return entry_of(same)
            check_count(database, answer.request_id, entry.client)
            database.execute(
                f"INSERT INTO feedback ({COLUMNS}, fingerprint) "  # noqa: S608 - a constant
                f"VALUES ({', '.join('?' * 16)})",
                (*row_of(entry), fingerprint),
            )
            if entry.has_text:
                database.execute("INSERT INTO texts VALUES (?, ?, ?)", (entry.id, *texts))
        return None

    def entries(self) -> list[Entry]:
        """Return every entry, oldest first."""
        with self._transaction(READING) as database:
            rows = database.execute(f"SELECT {COLUMNS} FROM feedback ORDER BY created, id")  # noqa: S608 - a constant
            return [entry_of(row) for row in rows]

    def texts_of(self, feedback_id: str) -> tuple[bytes | None, bytes | None]:
        """Return comment and corrected text, as they are kept."""
        with self._transaction(READING) as database:
            row = database.execute(
                "SELECT comment, corrected_text FROM texts WHERE feedback = ?", (feedback_id,)
            ).fetchone()
        return (row[0], row[1]) if row else (None, None)

    def close_entry(
        self, feedback_id: str, now: float, *, by: str, outcome: Outcome, erase: bool
    ) -> None:
        """Close an entry; `erase` destroys its texts."""
        with self._transaction() as database:
            database.execute(
                "UPDATE feedback SET closed = ?, closed_by = ?, outcome = ? WHERE id = ?",
                (now, by, outcome, feedback_id),
            )
            if erase:
                database.execute("DELETE FROM texts WHERE feedback = ?", (feedback_id,))
                database.execute("UPDATE feedback SET has_text = 0 WHERE id = ?", (feedback_id,))

    def reaches(self, count: int, now: float, window_s: float) -> bool:
        """Return whether so many answers were flagged as severe within a window that ends now, once
        for them: after an automatic hold the count begins again."""
        with self._transaction() as database:
            (held,) = database.execute("SELECT max(since) FROM automatic_holds").fetchone()
            since = max(now - window_s, held or 0.0)
            (known,) = database.execute(
                "SELECT count(DISTINCT request_id) FROM feedback WHERE severity = 'high' "
                "AND created > ?",
                (since,),
            ).fetchone()
            if known < count:
                return False
            database.execute("INSERT INTO automatic_holds VALUES (?)", (now,))
        return True

    @contextlib.contextmanager
    def _transaction(self, begin: str = WRITING) -> Iterator[sqlite3.Connection]:
        """All or nothing."""
        try:
            database = self._open()
            database.execute(begin)
            try:
                yield database
                database.execute("COMMIT")
            finally:
                if database.in_transaction:  # neither committed nor rolled back by a full disk
                    database.execute("ROLLBACK")
        except (sqlite3.Error, OSError) as problem:
            self.close()
            raise StoreFailed(name_of(problem)) from None

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = opened(self.path)
        return self._connection


def opened(path: Path) -> sqlite3.Connection:
    """Open the database, made where it is missing, readable by its owner only; raise OSError,
    sqlite3.Error or StoreForeign."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    database = sqlite3.connect(path, timeout=LOCK_WAIT_S, isolation_level=None)
    with contextlib.ExitStack() as undo:
        undo.callback(database.close)
        database.execute("PRAGMA secure_delete = ON")
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")  # what was acknowledged survives a power cut
        prepare(database)
        undo.pop_all()
    return database


def prepare(database: sqlite3.Connection) -> None:
    """Make the tables of a new database; raise StoreForeign for one of another kind."""
    if version_of(database) == VERSION:
        return
    database.execute(WRITING)
    if version_of(database) == 0:  # another process may have made them meanwhile
        (tables,) = database.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        if tables:
            raise StoreForeign("is a database of another program")
        for statement in SCHEMA.split(";"):
            database.execute(statement)
        database.execute(f"PRAGMA user_version = {VERSION}")
    database.execute("COMMIT")
    if version_of(database) != VERSION:
        raise StoreForeign("was written by a newer gateway")


def version_of(database: sqlite3.Connection) -> int:
    (number,) = database.execute("PRAGMA user_version").fetchone()
    return int(number)


def check_count(database: sqlite3.Connection, request_id: str, client: str) -> None:
    (count,) = database.execute(
        "SELECT count(*) FROM feedback WHERE request_id = ? AND client = ?", (request_id, client)
    ).fetchone()
    if count >= MOST_PER_ANSWER:
        raise TooManyEntries


def row_of(entry: Entry) -> Row:
    """Return the columns of an entry."""
    answer = entry.answer
    return (
        *(entry.id, entry.created, entry.client, entry.category, entry.severity, entry.has_text),
        *(entry.closed, entry.closed_by, entry.outcome),
        *(answer.request_id, answer.caller_request_id, answer.client, answer.ended),
        *(dumped(answer.facts), answer.others),
    )


def entry_of(row: Row) -> Entry:
    """Return the entry in a row."""
    id_, created, client, category, severity, has_text, closed, closed_by, outcome = row[:9]
    request_id, caller_id, asked_by, answered, facts, others = row[9:]
    answer = Answered(request_id, caller_id, asked_by, answered, orjson.loads(facts), others)
    return Entry(
        *(id_, created, client, category, severity, answer, bool(has_text)),
        closed=closed,
        closed_by=closed_by,
        outcome=outcome,
    )


def dumped(facts: object) -> str:
    return orjson.dumps(facts).decode()


def name_of(problem: Exception) -> str:
    """Return why, in a name that holds nothing of what was written."""
    if isinstance(problem, OSError):
        return problem.strerror or type(problem).__name__
    return getattr(problem, "sqlite_errorname", type(problem).__name__)
