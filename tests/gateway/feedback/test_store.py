"""The database: all or nothing, bounded, and honest about what it cannot do."""

import contextlib
import sqlite3
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gateway.errors import InvalidRequest
from gateway.feedback.store import MOST_PER_ANSWER, Store, StoreFailed, StoreForeign
from tests.gateway.audit.conftest import KEY
from tests.gateway.feedback.conftest import CLINIC, NOW, WARD, answer, entry


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


CHANGES = (
    "UPDATE feedback SET content = replace(content, 'low', 'high') WHERE number = 1",
    "UPDATE feedback SET content = (SELECT content FROM answers)",
    "UPDATE feedback SET content = (SELECT content FROM answers), mac = (SELECT mac FROM answers)",
    "UPDATE feedback SET mac = '' WHERE number = 1",
    "UPDATE feedback SET mac = x'ff', content = x'ff' WHERE number = 1",
    "UPDATE feedback SET content = CAST(x'ff' AS TEXT), mac = 'ä' WHERE number = 1",
)


@pytest.mark.parametrize("change", CHANGES)
def test_rows_that_somebody_has_changed(store: Store, change: str) -> None:
    """They are named, and the rest goes on; nothing in them is read."""
    store.add_answers([answer("r-1")])
    store.add(entry("fb-1"))
    alter(store, change)
    store.add(entry("fb-2"))

    assert [each.id for each in store.entries()] == ["fb-2"]
    assert store.changed == {"feedback 1"}
    assert store.find("fb-1") is None
    assert store.find_answer("r-1", None, 0) == answer("r-1")


def alter(store: Store, statement: str) -> None:
    with contextlib.closing(sqlite3.connect(store.path)) as database, database:
        database.execute(statement)


def test_a_row_under_another_name(store: Store) -> None:
    """The other columns find rows; whose they are is in what was signed."""
    store.add_answers([answer("r-1"), answer("r-2", client=CLINIC.id)])
    store.add(entry("fb-1"))
    alter(store, f"UPDATE answers SET client = '{WARD.id}', id = 'r-1' WHERE number = 2")
    alter(store, "UPDATE feedback SET id = 'fb-9'")

    assert store.find_answer("r-1", WARD.id, 0) == answer("r-1")
    alter(store, "DELETE FROM answers WHERE number = 1")
    assert store.find_answer("r-1", WARD.id, 0) is None
    assert store.find("fb-9") is None


def test_another_key(store: Store, file: Path) -> None:
    """Its rows do not count, and stop no start."""
    store.add(entry("fb-1"))
    other = Store(file, "q" * 32)

    assert list(other.entries()) == []
    assert other.changed == {"feedback 1"}
    other.close()


def test_answers_are_bounded(store: Store) -> None:
    """A full store forgets its oldest answers first."""
    store.add_answers(answer(f"r-{n}") for n in range(10))
    store.prune(0, most=3)

    kept = [n for n in range(10) if store.find_answer(f"r-{n}", None, 0)]
    assert kept == [7, 8, 9]


def test_one_client_cannot_fill_the_disk(store: Store) -> None:
    """So many entries on one answer, and no more; on another one they go on."""
    for n in range(MOST_PER_ANSWER):
        store.add(entry(f"fb-{n}"))

    with pytest.raises(InvalidRequest):
        store.add(entry("fb-x"))
    assert store.add(entry("fb-y", "r-2")) is None


def test_a_full_disk_keeps_all_or_nothing(store: Store) -> None:
    """The entry is not there without its texts, what was there stays, and room mends it."""
    store.add(entry("fb-0"))
    database = store._connection
    assert database is not None
    (pages,) = database.execute("PRAGMA page_count").fetchone()
    database.execute(f"PRAGMA max_page_count = {pages}")

    with pytest.raises(StoreFailed, match="SQLITE_FULL"):
        store.add(entry(sealed={"comment": "x" * 100_000}))
    assert [entry.id for entry in store.entries()] == ["fb-0"]  # over a connection of its own
    assert store.add(entry(sealed={"comment": "x" * 100_000})) is None


def test_the_file_is_the_owners(store: Store, file: Path) -> None:
    """Nobody else reads it, nor what SQLite keeps beside it."""
    store.add_answers([answer()])

    for path in file.parent.glob("feedback.db*"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


@pytest.mark.parametrize(
    "statement", ["CREATE TABLE theirs (a)", "PRAGMA user_version = 1", "PRAGMA user_version = 9"]
)
def test_a_database_of_others(store: Store, file: Path, statement: str) -> None:
    """One of another program or version is left alone."""
    with sqlite3.connect(file) as database:
        database.execute(statement)
    database.close()

    with pytest.raises(StoreForeign, match="of this version"):
        list(store.entries())


def test_several_create_it_at_once(tmp_path: Path) -> None:
    """SQLite itself waits for nobody who switches to the write-ahead log at the same time."""

    def open_one(attempt: int) -> None:
        with contextlib.closing(Store(tmp_path / f"{attempt // 3}.db", KEY)) as opened:
            assert list(opened.entries()) == []

    with ThreadPoolExecutor(3) as threads:
        list(threads.map(open_one, range(300)))
