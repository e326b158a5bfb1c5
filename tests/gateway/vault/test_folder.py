"""The folder of a vault: a folder a day, a file an answer, and nothing else is touched."""

from pathlib import Path

import pytest

from gateway.vault import folder

ID, OTHER = "a" * 32, "b" * 32


def test_files_are_found_by_their_id_alone(tmp_path: Path) -> None:
    """An id of another form is no path, and a link is no day."""
    day = folder.make_day(tmp_path, "2026-11-28")
    folder.write(day, ID, b"sealed")
    (tmp_path / "2026-11-29").symlink_to(day)
    (tmp_path / "secret.sealed").write_bytes(b"not of the vault")

    with pytest.raises(FileExistsError):
        folder.make_day(tmp_path, "2026-11-29")
    assert folder.files_of(tmp_path, ID) == [day / f"{ID}.sealed"]
    for name in ("../secret", "*", f"{ID}/..", "a" * 31, "", f"{ID}\n", "é"):
        assert folder.files_of(tmp_path, name) == []
    assert [*folder.answers_in(tmp_path)] == [day / f"{ID}.sealed"]


def test_days_that_are_over_are_erased(tmp_path: Path) -> None:
    """With the drafts of a process that was killed; the first day that is kept stays whole."""
    for day in ("2026-11-26", "2026-11-27", "2026-11-28"):
        folder.write(folder.make_day(tmp_path, day), ID, b"sealed")
        (tmp_path / day / f"{OTHER}.sealed.17.new").write_bytes(b"half")
    folder.erase_before(tmp_path, "2026-11-28", most=9)
    folder.erase_before(tmp_path, "2026-11-28", most=9)  # as a second gateway does

    assert [path.name for path in folder.days_in(tmp_path)] == ["2026-11-28"]
    assert len([*(tmp_path / "2026-11-28").iterdir()]) == 2


def test_many_files_go_in_parts(tmp_path: Path) -> None:
    """So that no answer waits for a large day that is over."""
    for day in ("2026-11-26", "2026-11-27"):
        for number in range(3):
            folder.write(folder.make_day(tmp_path, day), f"{number:032x}", b"sealed")
    parts = [folder.erase_before(tmp_path, "2026-11-28", most=4) for _ in range(2)]

    assert parts == [False, True]
    assert folder.days_in(tmp_path) == []


def test_what_is_not_of_the_vault_stays(tmp_path: Path) -> None:
    """A folder of another name, a link to one, and a stranger's file in a day of ours."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / f"{ID}.sealed").write_bytes(b"kept")
    (tmp_path / "2020-01-01").symlink_to(elsewhere)
    day = folder.make_day(tmp_path, "2020-01-02")
    folder.write(day, ID, b"sealed")
    (day / "notes.txt").write_text("kept")
    folder.erase_before(tmp_path, "2026-11-28", most=9)

    assert (elsewhere / f"{ID}.sealed").exists()
    assert [path.name for path in day.iterdir()] == ["notes.txt"]


def test_an_answer_is_erased_with_its_drafts(tmp_path: Path) -> None:
    """The neighbours in its folder stay."""
    day = folder.make_day(tmp_path, "2026-11-28")
    for name in (ID, OTHER):
        folder.write(day, name, b"sealed")
    (day / f"{ID}.sealed.17.new").write_bytes(b"half")
    folder.erase(day / f"{ID}.sealed")

    assert [path.name for path in day.iterdir()] == [f"{OTHER}.sealed"]
