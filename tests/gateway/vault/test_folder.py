"""The folder of a vault: a folder a day, a file an answer, and nothing else is touched."""

from pathlib import Path

import pytest

from gateway.vault import folder

ID, OTHER = "a" * 32, "b" * 32


def test_what_is_not_of_the_vault_stays(tmp_path: Path) -> None:
    """A folder of another name, a link to one, and a stranger's file in a day of ours."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / f"{ID}.sealed").write_bytes(b"kept")
    (tmp_path / "2020-01-01").symlink_to(elsewhere)
    day = folder.make_day(tmp_path, "2020-01-02")
    folder.write(day, ID, b"sealed")
    (day / "notes.txt").write_text("kept")
    (day / f"{OTHER}.sealed").mkdir()
    later = folder.make_day(tmp_path, "2020-01-03")
    with pytest.raises(FileExistsError):
        folder.make_day(tmp_path, "2020-01-01")
    folder.erase_before(tmp_path, "2026-11-28", most=9)

    assert (elsewhere / f"{ID}.sealed").exists()
    assert {path.name for path in day.iterdir()} == {"notes.txt", f"{OTHER}.sealed"}
    assert not later.exists()


def test_an_answer_is_erased_with_its_drafts(tmp_path: Path) -> None:
    """The neighbours in its folder stay."""
    day = folder.make_day(tmp_path, "2026-11-28")
    for name in (ID, OTHER):
        folder.write(day, name, b"sealed")
    (day / f"{ID}.sealed.17.new").write_bytes(b"half")
    folder.erase(day / f"{ID}.sealed")

    assert [path.name for path in day.iterdir()] == [f"{OTHER}.sealed"]
