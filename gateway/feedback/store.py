"""The database of feedback: recent answers and entries, each row with a MAC of its content.

It is SQLite because several processes write to it, and neither a crash nor a full disk may lose
what was acknowledged. The other columns only find rows: what counts is the content, and of a row
whose MAC is wrong nothing does. Every method raises StoreFailed if the disk fails.
"""

import contextlib
import hmac
import os
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path

import orjson

from gateway.audit import chain
from gateway.errors import InvalidRequest
from gateway.feedback.entry import Entry, RecentAnswer
from gateway.runtime.json_types import Json

VERSION = 2
READING = "BEGIN"
WRITING = "BEGIN IMMEDIATE"  # so that two processes never both read before they write
LOCK_WAIT_S = 2.0
MOST_ANSWERS = 1_000_000  # about 0.5 GB; the oldest go first
MOST_PER_ANSWER = 16  # entries of one client
PRUNED_AT_ONCE = 10_000
LARGEST_ROW = 1024 * 1024  # both sealed texts at their longest take 130 KB
MOST_NAMED = 1000  # changed rows
PRAGMAS = ("secure_delete = ON", "synchronous = FULL")  # what was acknowledged survives a power cut
SCHEMA = """
CREATE TABLE answers (
  number INTEGER PRIMARY KEY, id TEXT NOT NULL, caller_id TEXT, client TEXT NOT NULL,
  ended REAL NOT NULL, content TEXT NOT NULL, mac TEXT NOT NULL);
CREATE INDEX answers_by_id ON answers (id);
CREATE INDEX answers_by_caller_id ON answers (caller_id) WHERE caller_id IS NOT NULL;
CREATE TABLE feedback (
  number INTEGER PRIMARY KEY, id TEXT NOT NULL, client TEXT NOT NULL, request_id TEXT NOT NULL,
  content TEXT NOT NULL, mac TEXT NOT NULL);
CREATE INDEX feedback_by_id ON feedback (id);
CREATE INDEX feedback_by_answer ON feedback (request_id, client);
"""
Row = tuple[int, object, object]  # number, content, MAC


class StoreFailed(Exception):
    """The database cannot be used now; the message is SQLite's name of the error."""


class StoreForeign(StoreFailed):
    """The file is no database of feedback, or one of another version."""


class Store:
    """The database, for use in one thread; it is opened at the first use, and after a failure.

    `changed` names the rows that were changed, or written with another key.
    """

    def __init__(self, path: Path, key: str) -> None:
        self.path = path
        self.changed: set[str] = set()
        self._mac = {
            table: chain.new_mac(key, purpose=f"mmhie feedback {table}")
            for table in ("answers", "feedback")
        }
        self._connection: sqlite3.Connection | None = None

    def close(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None

    def fingerprint(self, *parts: object) -> str:
        """Return a digest that recognises a repetition, and from which no text can be guessed."""
        return chain.compute_mac(orjson.dumps(["fingerprint", *parts]), self._mac["feedback"])

    def add_answers(self, answers: Iterable[RecentAnswer]) -> None:
        rows = [
            (each.request_id, each.caller_request_id, each.client, each.ended, *self._sign(each))
            for each in answers
        ]
        with self._transaction() as database:
            database.executemany(
                "INSERT INTO answers (id, caller_id, client, ended, content, mac) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                rows,
            )

    def prune(self, before: float, most: int = MOST_ANSWERS) -> None:
        """Of the oldest answers, delete those that ended before a time, and those over `most`."""
        with self._transaction() as database:
            database.execute(
                "DELETE FROM answers WHERE number IN "
                "(SELECT number FROM answers ORDER BY number LIMIT ?) "
                "AND (ended < ? OR number <= (SELECT max(number) FROM answers) - ?)",
                (PRUNED_AT_ONCE, before, most),
            )

    def find_answer(self, request_id: str, client: str | None, since: float) -> RecentAnswer | None:
        """Return the answer with this id, to any client if None; the last one if its client has
        sent the id more than once."""
        with self._transaction(READING) as database:
            rows = database.execute(
                "SELECT number, content, mac FROM answers WHERE (id = :id OR caller_id = :id) "
                "AND (:client IS NULL OR client = :client) "
                "ORDER BY id = :id DESC, ended DESC LIMIT 100",
                {"id": request_id, "client": client},
            ).fetchall()
        answers = (RecentAnswer(**content) for content in self._genuine("answers", rows))
        return next((each for each in answers if each.fits(request_id, client, since)), None)

    def add(self, entry: Entry) -> Entry | None:
        """Add an entry, or return the stored one of the same fingerprint; raise InvalidRequest if
        its client has given too many on this answer."""
        with self._transaction() as database:
            rows = database.execute(
                "SELECT number, content, mac FROM feedback WHERE request_id = ? AND client = ? "
                "LIMIT 100",
                (entry.answer.request_id, entry.client),
            ).fetchall()
            before = {each.fingerprint: each for each in self._entries(rows)}
            if entry.fingerprint in before:
                return before[entry.fingerprint]
            if len(before) >= MOST_PER_ANSWER:
                raise InvalidRequest(
                    f"This answer has the most feedback that one key may send ({MOST_PER_ANSWER} "
                    "entries); contact the operator.",
                    param="request_id",
                )
            database.execute(
                "INSERT INTO feedback (id, client, request_id, content, mac) "
                "VALUES (?, ?, ?, ?, ?)",
                (entry.id, entry.client, entry.answer.request_id, *self._sign(entry)),
            )
        return None

    def entries(self) -> Iterator[Entry]:
        """Yield every entry that was not changed, oldest first."""
        with self._transaction(READING) as database:
            yield from self._entries(
                database.execute("SELECT number, content, mac FROM feedback ORDER BY number")
            )

    def find(self, feedback_id: str) -> Entry | None:
        """Return the entry of this id that was not changed."""
        with self._transaction(READING) as database:
            rows = database.execute(
                "SELECT number, content, mac FROM feedback WHERE id = ?", (feedback_id,)
            ).fetchall()
        return next((each for each in self._entries(rows) if each.id == feedback_id), None)

    def update(self, entry: Entry) -> None:
        with self._transaction() as database:
            database.execute(
                "UPDATE feedback SET content = ?, mac = ? WHERE id = ?",
                (*self._sign(entry), entry.id),
            )

    def _sign(self, content: RecentAnswer | Entry) -> tuple[str, str]:
        raw = orjson.dumps(content)
        table = "feedback" if isinstance(content, Entry) else "answers"
        return raw.decode(), chain.compute_mac(raw, self._mac[table])

    def _entries(self, rows: Iterable[Row]) -> Iterator[Entry]:
        return map(Entry.parse, self._genuine("feedback", rows))

    def _genuine(self, table: str, rows: Iterable[Row]) -> Iterator[Json]:
        """Yield the contents of rows whose MAC is right, and name the others."""
        for number, content, mac in rows:
            raw = str(content).encode(errors="replace")
            right = chain.compute_mac(raw, self._mac[table]).encode()
            if hmac.compare_digest(right, str(mac).encode(errors="replace")):
                yield orjson.loads(raw)
            elif len(self.changed) < MOST_NAMED:
                self.changed.add(f"{table} {number}")

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
        except (sqlite3.Error, OSError) as problem:
            self.close()
            raise StoreFailed(error_name(problem)) from None


def open_database(path: Path) -> sqlite3.Connection:
    """Open the database, or create it for its owner alone; raise OSError, sqlite3.Error or
    StoreForeign."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    database = sqlite3.connect(path, timeout=LOCK_WAIT_S, isolation_level=None)
    with contextlib.ExitStack() as undo:
        undo.callback(database.close)
        database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LARGEST_ROW)
        database.text_factory = lambda text: text.decode(errors="replace")
        for pragma in PRAGMAS:
            database.execute(f"PRAGMA {pragma}")
        with contextlib.suppress(sqlite3.OperationalError):  # another process switches now
            database.execute("PRAGMA journal_mode = WAL")
        prepare(database)
        undo.pop_all()
    return database


def prepare(database: sqlite3.Connection) -> None:
    """Create the tables of a new database; raise StoreForeign for another program's."""
    database.execute(WRITING)
    (version,) = database.execute("PRAGMA user_version").fetchone()
    (tables,) = database.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if version == 0 and not tables:
        for statement in (*SCHEMA.split(";"), f"PRAGMA user_version = {VERSION}"):
            database.execute(statement)
    elif version != VERSION:
        raise StoreForeign("is no database of this version; export it with the one that wrote it")
    database.execute("COMMIT")


def error_name(problem: Exception) -> str:
    """Return the name of an error; its message might quote what was written."""
    if isinstance(problem, OSError):
        return problem.strerror or type(problem).__name__
    return getattr(problem, "sqlite_errorname", type(problem).__name__)
