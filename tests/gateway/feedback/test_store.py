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


def test_an_id_that_was_chosen_twice(store: Store) -> None:
    """The last answer under it, and how many others there are."""
    store.add_answers(answer(f"r-{n}", caller_request_id="chat", ended=NOW + n) for n in range(3))
    answered = store.find_answer("chat", WARD.id, 0)

    assert answered is not None
    assert (answered.request_id, answered.others) == ("r-2", 2)
    assert store.find_answer("r-0", WARD.id, 0) == answer("r-0", caller_request_id="chat")


def test_an_answer_that_is_too_old(store: Store) -> None:
    """Found up to its time, and then pruned."""
    store.add_answers([answer("old", ended=NOW - 10), answer("new")])

    assert store.find_answer("old", WARD.id, NOW - 5) is None
    store.prune(NOW - 5)
    assert store.find_answer("old", WARD.id, 0) is None
    assert store.find_answer("new", WARD.id, 0) is not None


def test_answers_are_bounded(store: Store) -> None:
    """A full store forgets its oldest answers first."""
    store.add_answers(answer(f"r-{n}") for n in range(10))
    store.prune(0, most=3)

    kept = [n for n in range(10) if store.find_answer(f"r-{n}", None, 0)]
    assert kept == [7, 8, 9]


def test_what_was_said_before_is_kept_once(store: Store) -> None:
    """The first entry is returned, and its texts stay."""
    first = entry(has_text=True)

    assert store.add(first, "same", (b"one", b"two")) is None
    assert store.add(entry("fb-2"), "same", NO_TEXTS) == first
    assert store.entries() == [first]
    assert store.texts_of("fb-1") == (b"one", b"two")


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


def test_closing_destroys_texts_on_request(store: Store) -> None:
    """The entry stays, with what came of it."""
    store.add(entry(has_text=True), "f1", (b"one", None))
    store.close_entry("fb-1", NOW + 1, by="dr.x", outcome="confirmed", erase=False)
    assert store.texts_of("fb-1") == (b"one", None)
    store.close_entry("fb-1", NOW + 2, by="dr.y", outcome="resolved", erase=True)
    (after,) = store.entries()

    assert (after.closed, after.closed_by, after.outcome) == (NOW + 2, "dr.y", "resolved")
    assert not after.has_text
    assert store.texts_of("fb-1") == NO_TEXTS


def test_two_processes_share_it(store: Store, file: Path) -> None:
    """An answer of one is flagged at the other."""
    other = Store(file)
    store.add_answers([answer()])

    assert other.find_answer("r-1", WARD.id, 0) == answer()
    other.close()


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
