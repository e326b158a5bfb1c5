"""The database: all or nothing, bounded, and honest about what it cannot do."""

import sqlite3
import stat
from pathlib import Path

import pytest

from gateway.feedback.store import (
    MOST_PER_ANSWER,
    Store,
    StoreFailed,
    StoreForeign,
    TooManyEntries,
    check,
)
from tests.gateway.feedback.conftest import CLINIC, NOW, WARD, answer, entry

NO_TEXTS = (None, None)


def test_an_answer_is_found_by_either_id(store: Store) -> None:
    """The gateway's own, or the one its caller chose; by its caller alone."""
    store.add_answers([answer("r-1", caller_request_id="mine"), answer("r-2")])

    for name in ("r-1", "mine"):
        answered = store.find_answer(name, WARD.id, 0)
        assert answered == answer("r-1", caller_request_id="mine")
    assert store.find_answer("r-1", CLINIC.id, 0) is None
    assert store.find_answer("r-3", WARD.id, 0) is None
    assert store.find_answer("r-2", None, 0) == answer("r-2")


def test_an_answer_that_is_too_old(store: Store) -> None:
    """Found up to its time, and then pruned."""
    store.add_answers([answer("old", ended=NOW - 10), answer("new")])

    assert store.find_answer("old", WARD.id, NOW - 5) is None
    store.prune(NOW - 5)
    assert store.find_answer("old", WARD.id, 0) is None
    assert store.find_answer("new", WARD.id, 0) is not None


def test_rows_that_somebody_has_changed(store: Store) -> None:
    """They are a failure of the file, which stops no start."""
    store.add_answers([answer("r-1")])
    store.add(entry("fb-1"), "f1", NO_TEXTS)
    with sqlite3.connect(store.path) as database:
        database.executescript("UPDATE answers SET facts = '{'; UPDATE feedback SET facts = '{'")
    database.close()
    check(store.path)

    with pytest.raises(StoreFailed):
        store.find_answer("r-1", None, 0)


def test_answers_are_bounded(store: Store) -> None:
    """A full store forgets its oldest answers first."""
    store.add_answers(answer(f"r-{n}") for n in range(10))
    store.prune(0, most=3)

    kept = [n for n in range(10) if store.find_answer(f"r-{n}", None, 0)]
    assert kept == [7, 8, 9]


def test_one_client_cannot_fill_the_disk(store: Store) -> None:
    """So many entries on one answer, and no more; on another one they go on."""
    for n in range(MOST_PER_ANSWER):
        store.add(entry(f"fb-{n}"), f"f{n}", NO_TEXTS)

    with pytest.raises(TooManyEntries):
        store.add(entry("fb-x"), "fx", NO_TEXTS)
    assert store.add(entry("fb-y", "r-2"), "fy", NO_TEXTS) is None


def test_a_full_disk_keeps_all_or_nothing(store: Store) -> None:
    """The entry is not there without its texts, what was there stays, and room mends it."""
    store.add(entry("fb-0"), "f0", NO_TEXTS)
    database = store._connection
    assert database is not None
    (pages,) = database.execute("PRAGMA page_count").fetchone()
    database.execute(f"PRAGMA max_page_count = {pages}")

    with pytest.raises(StoreFailed, match="SQLITE_FULL"):
        store.add(entry(has_text=True), "f1", (b"x" * 100_000, None))
    assert [entry.id for entry in store.entries()] == ["fb-0"]  # over a connection of its own
    assert store.add(entry(has_text=True), "f1", (b"x" * 100_000, None)) is None


def test_the_file_is_the_owners(store: Store, file: Path) -> None:
    """Nobody else reads it, nor what SQLite keeps beside it."""
    store.add_answers([answer()])

    for path in file.parent.glob("feedback.db*"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


@pytest.mark.parametrize(
    ("statement", "reason"),
    [("CREATE TABLE theirs (a)", "another program"), ("PRAGMA user_version = 9", "newer gateway")],
)
def test_a_database_of_others(store: Store, file: Path, statement: str, reason: str) -> None:
    """A database of another program is left alone."""
    with sqlite3.connect(file) as database:
        database.execute(statement)
    database.close()

    with pytest.raises(StoreForeign, match=reason):
        store.entries()
