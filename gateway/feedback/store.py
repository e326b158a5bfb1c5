"""The database of feedback: recent answers by request id, entries, and their sealed texts.

It is SQLite because several processes write to it, and neither a crash nor a full disk may lose
what was acknowledged. Every method raises StoreFailed if the disk fails.
"""

import contextlib
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson

from gateway.feedback.entry import Entry, RecentAnswer, SealedTexts
from gateway.settings.base import SettingsError

VERSION = 1
READING = "BEGIN"
WRITING = "BEGIN IMMEDIATE"  # so that two processes never both read before they write
LOCK_WAIT_S = 2.0
MOST_ANSWERS = 1_000_000  # about 0.4 GB; the oldest go first
MOST_PER_ANSWER = 16  # entries of one client
PRUNED_AT_ONCE = 10_000
PRAGMAS = (
    "secure_delete = ON",
    "journal_mode = WAL",
    "synchronous = FULL",  # what was acknowledged survives a power cut
)
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
CREATE TABLE texts (
  feedback TEXT PRIMARY KEY REFERENCES feedback (id), comment BLOB, corrected_text BLOB);
"""
OF_ENTRY = (
    *("id", "created", "client", "category", "severity"),
    *("has_text", "closed", "closed_by", "outcome"),
)
OF_ANSWER = ("request_id", "caller_request_id", "asked_by", "answered", "facts", "others")
COLUMNS = ", ".join(OF_ENTRY + OF_ANSWER)
Row = Sequence[Any]


class StoreFailed(Exception):
    """The database cannot be used now; the message is SQLite's name of the error."""


class StoreForeign(StoreFailed):
    """The file is no database of feedback, or one of a newer gateway."""


class TooManyEntries(Exception):
    """This client has given as much feedback on this answer as is stored."""


class Store:
    """The database, for use in one thread; it is opened at the first use, and after a failure."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection: sqlite3.Connection | None = None

    def close(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None

    def add_answers(self, answers: Iterable[RecentAnswer]) -> None:
        with self._transaction() as database:
            database.executemany(
                "INSERT INTO answers (id, caller_id, client, ended, facts) VALUES (?, ?, ?, ?, ?)",
                [answer_row(answer)[:5] for answer in answers],
            )

    def prune(self, before: float, most: int = MOST_ANSWERS) -> None:
        """Delete answers in batches: those that ended before a time, and the oldest over `most`."""
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

    def find_answer(self, request_id: str, client: str | None, since: float) -> RecentAnswer | None:
        """Return the answer with this id, to any client if None; the last one if its client has
        sent the id more than once."""
        with self._transaction(READING) as database:
            rows = database.execute(
                "SELECT id, caller_id, client, ended, facts FROM answers "
                "WHERE (id = :id OR caller_id = :id) AND ended >= :since "
                "AND (:client IS NULL OR client = :client) "
                "ORDER BY id = :id DESC, ended DESC LIMIT 100",
                {"id": request_id, "client": client, "since": since},
            ).fetchall()
            others = 0 if rows and rows[0][0] == request_id else len(rows) - 1
            return parse_answer((*rows[0], others)) if rows else None

    def add(self, entry: Entry, fingerprint: str, texts: SealedTexts) -> Entry | None:
        """Add an entry with its texts, or return the stored one of the same fingerprint; raise
        TooManyEntries."""
        with self._transaction() as database:
            same = database.execute(
                f"SELECT {COLUMNS} FROM feedback WHERE fingerprint = ?",  # noqa: S608 - a constant
                (fingerprint,),
            ).fetchone()
            if same is not None:
                return parse_entry(same)
            check_count(database, entry.answer.request_id, entry.client)
            values = [getattr(entry, column) for column in OF_ENTRY]
            values += [*answer_row(entry.answer), fingerprint]
            database.execute(
                f"INSERT INTO feedback ({COLUMNS}, fingerprint) "  # noqa: S608 - a constant
                f"VALUES ({', '.join('?' * len(values))})",
                values,
            )
            if entry.has_text:
                database.execute("INSERT INTO texts VALUES (?, ?, ?)", (entry.id, *texts))
        return None

    def entries(self) -> list[Entry]:
        """Return every entry, oldest first."""
        with self._transaction(READING) as database:
            rows = database.execute(f"SELECT {COLUMNS} FROM feedback ORDER BY created, id")  # noqa: S608 - a constant
            return [parse_entry(row) for row in rows]

    def texts_of(self, feedback_id: str) -> SealedTexts:
        """Return comment and corrected text."""
        with self._transaction(READING) as database:
            row = database.execute(
                "SELECT comment, corrected_text FROM texts WHERE feedback = ?", (feedback_id,)
            ).fetchone()
        return row or (None, None)

    def close_entry(self, feedback_id: str, now: float, *, by: str, outcome: str) -> None:
        with self._transaction() as database:
            database.execute(
                "UPDATE feedback SET closed = ?, closed_by = ?, outcome = ? WHERE id = ?",
                (now, by, outcome, feedback_id),
            )

    def erase_texts(self, feedback_id: str) -> None:
        """Destroy the texts of an entry."""
        with self._transaction() as database:
            database.execute("DELETE FROM texts WHERE feedback = ?", (feedback_id,))
            database.execute("UPDATE feedback SET has_text = 0 WHERE id = ?", (feedback_id,))

    @contextlib.contextmanager
    def _transaction(self, begin: str = WRITING) -> Iterator[sqlite3.Connection]:
        """Commit the block as a whole, or nothing of it."""
        try:
            self._connection = database = self._connection or open_database(self.path)
            database.execute(begin)
            try:
                yield database
                database.execute("COMMIT")
            finally:
                if database.in_transaction:  # neither committed nor rolled back by a full disk
                    database.execute("ROLLBACK")
        except (sqlite3.Error, OSError, orjson.JSONDecodeError) as problem:
            self.close()
            raise StoreFailed(error_name(problem)) from None


def check(file: Path) -> None:
    """Raise SettingsError for a file that cannot be used. A full disk does not stop the start."""
    store = Store(file)
    try:
        store.entries()
    except StoreForeign as problem:
        raise SettingsError(f"MMHIE_FEEDBACK_FILE {problem}; name another file.") from None
    except StoreFailed as problem:
        if not file.parent.is_dir() or str(problem) == "SQLITE_NOTADB":
            raise SettingsError(
                f"MMHIE_FEEDBACK_FILE is {file}: it cannot be opened as a database ({problem}); "
                "name a file in a folder that exists."
            ) from None
    finally:
        store.close()


def open_database(path: Path) -> sqlite3.Connection:
    """Open the database, or create it for its owner alone; raise OSError, sqlite3.Error or
    StoreForeign."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    database = sqlite3.connect(path, timeout=LOCK_WAIT_S, isolation_level=None)
    with contextlib.ExitStack() as undo:
        undo.callback(database.close)
        for pragma in PRAGMAS:
            database.execute(f"PRAGMA {pragma}")
        prepare(database)
        undo.pop_all()
    return database


def prepare(database: sqlite3.Connection) -> None:
    """Create the tables of a new database; raise StoreForeign for another program's."""
    if read_version(database) == VERSION:
        return
    database.execute(WRITING)
    if read_version(database) == 0:  # another process may have made them meanwhile
        (tables,) = database.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        if tables:
            raise StoreForeign("is a database of another program")
        for statement in SCHEMA.split(";"):
            database.execute(statement)
        database.execute(f"PRAGMA user_version = {VERSION}")
    database.execute("COMMIT")
    if read_version(database) != VERSION:
        raise StoreForeign("was written by a newer gateway")


def read_version(database: sqlite3.Connection) -> int:
    (number,) = database.execute("PRAGMA user_version").fetchone()
    return int(number)


def check_count(database: sqlite3.Connection, request_id: str, client: str) -> None:
    """Raise TooManyEntries for a client with MOST_PER_ANSWER entries on an answer."""
    (count,) = database.execute(
        "SELECT count(*) FROM feedback WHERE request_id = ? AND client = ?", (request_id, client)
    ).fetchone()
    if count >= MOST_PER_ANSWER:
        raise TooManyEntries


def answer_row(answer: RecentAnswer) -> Row:
    facts = orjson.dumps(answer.facts).decode()
    ids = (answer.request_id, answer.caller_request_id, answer.client)
    return (*ids, answer.ended, facts, answer.others)


def parse_answer(row: Row) -> RecentAnswer:
    request_id, caller_request_id, client, ended, facts, others = row
    return RecentAnswer(request_id, caller_request_id, client, ended, orjson.loads(facts), others)


def parse_entry(row: Row) -> Entry:
    own = dict(zip(OF_ENTRY, row, strict=False))
    own["has_text"] = bool(own["has_text"])
    return Entry(**own, answer=parse_answer(row[len(OF_ENTRY) :]))


def error_name(problem: Exception) -> str:
    """Return the name of an error; its message might quote what was written."""
    if isinstance(problem, OSError):
        return problem.strerror or type(problem).__name__
    return getattr(problem, "sqlite_errorname", type(problem).__name__)
