"""Trails are searched with and without copies of their closed files: the lines are the same."""

import os
import resource
import time
from pathlib import Path

import pytest

from gateway.audit import copies
from gateway.audit.chain import new_mac
from gateway.audit.copies import SUFFIX, current_copies
from gateway.audit.file import AuditFile
from gateway.audit.rotation import rotated_files
from gateway.audit.search import FoundLine, Search, Unreadable
from tests.gateway.audit.conftest import KEY, Append, Desk

WARD = {"kind": "request", "client": "Zürich 'ward'", "patient": "patient:1"}
CLOSED = 4


@pytest.fixture
def trail(append: Append, path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A trail of five files, each with its lines of two patients, however small it is."""
    monkeypatch.setattr(copies, "LEAST_BYTES", 1)
    for number in range(CLOSED + 1):
        time = f"2026-11-25T01:0{number}:00.000Z"
        more = [{**WARD, "time": time, "number": number}, {"time": time, "patient": "patient:2"}]
        append(more, rotate_bytes=300)
    assert len(rotated_files(path)) == CLOSED
    return path


def find(trail: Path) -> list[FoundLine]:
    """The lines of a patient, and those that are none."""
    with Search([trail], new_mac(KEY)) as search:
        return list(search.find("patient = $who", {"who": "patient:1"}))


def numbers(trail: Path) -> list[int]:
    return [line.record["number"] for line in find(trail) if line.is_genuine]


def copies_of(trail: Path) -> list[Path]:
    return sorted(trail.parent.glob(f"*{SUFFIX}"))


@pytest.fixture
def copied(desk: Desk, trail: Path) -> Path:
    """The trail, with a copy of each closed file."""
    before = find(trail)
    desk.run("audit", "verify")
    assert len(copies_of(trail)) == CLOSED
    assert find(trail) == before
    return trail


def test_a_copy_has_the_lines_of_its_file(copied: Path) -> None:
    """In their order, with the file's own name; only its owner may read it, and it is not made
    twice."""
    stamps = [copy.stat().st_mtime_ns for copy in copies_of(copied)]
    assert not copies.refresh_copies(rotated_files(copied), KEY, time.time_ns())

    assert numbers(copied) == list(range(CLOSED + 1))
    names = [file.name for file in (*rotated_files(copied), copied)]
    assert [line.file for line in find(copied)] == names
    assert [copy.stat().st_mtime_ns for copy in copies_of(copied)] == stamps
    assert {copy.stat().st_mode & 0o777 for copy in copies_of(copied)} == {0o600}


def test_what_changed_since_it_was_verified_is_not_copied(trail: Path) -> None:
    """Its copy would have a MAC of ours."""
    verified = time.time_ns()
    time.sleep(0.02)  # more than the step of the disk's clock
    file = rotated_files(trail)[0]
    file.write_bytes(file.read_bytes().replace(b"patient:2", b"patient:1"))
    copies.refresh_copies(rotated_files(trail), KEY, verified)

    assert len(copies_of(trail)) == CLOSED - 1


def test_a_copy_is_searched_instead_of_its_file(copied: Path) -> None:
    """An emptied file, whose time was set back, is not missed; `verify` misses it."""
    file = rotated_files(copied)[0]
    before = file.stat().st_mtime_ns
    file.write_bytes(b"")
    os.utime(file, ns=(before, before))

    assert numbers(copied) == list(range(CLOSED + 1))


def test_a_copy_that_is_older_than_its_file(copied: Path) -> None:
    """The file is searched in its place."""
    file = rotated_files(copied)[0]
    file.write_bytes(file.read_bytes().replace(b"patient:2", b"patient:1"))
    newer = copies_of(copied)[0].stat().st_mtime_ns + 1
    os.utime(file, ns=(newer, newer))

    assert file not in current_copies(rotated_files(copied))
    assert [line.is_genuine for line in find(copied)].count(False) == 1


@pytest.mark.parametrize("content", [b"", b"no Parquet", b"PAR1" * 100])
def test_a_copy_that_is_none(desk: Desk, copied: Path, content: bytes) -> None:
    """The files are searched, and `verify` names it."""
    copy = copies_of(copied)[1]
    copy.write_bytes(content)

    assert numbers(copied) == list(range(CLOSED + 1))
    out, _ = desk.run("audit", "verify", exit_code=1)
    assert f"{copy.name}: edited" in out
    copy.unlink()
    desk.run("audit", "verify")
    assert len(copies_of(copied)) == CLOSED


def test_a_disk_that_fills_while_a_file_is_copied(desk: Desk, trail: Path) -> None:
    """The trail is verified, a sentence says what is missing, and nothing half is left."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500, hard))
    try:
        _, err = desk.run("audit", "verify")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert "could not be copied for searches" in err
    assert {file.suffix for file in trail.parent.iterdir() if "audit" in file.name} <= {
        ".jsonl",
        ".lock",
        *(file.suffix for file in rotated_files(trail)),
    }
    desk.run("audit", "verify")
    assert len(copies_of(trail)) == CLOSED


@pytest.mark.parametrize(
    "damage", [b'{"seq":9,"prev":"', b"hello\n", b"\n", b"[1]\n", b'{"seq":"x"}\n', b"a\rb\x01c\n"]
)
def test_a_line_that_is_none_is_reported(trail: Path, damage: bytes) -> None:
    """Half a line, or a foreign one, with its file; all others are found."""
    trail.write_bytes(trail.read_bytes() + damage)

    assert numbers(trail) == list(range(CLOSED + 1))
    others = [line for line in find(trail) if not line.is_genuine]
    assert {line.file for line in others} == {trail.name}


def test_what_is_no_text_is_reported(desk: Desk, trail: Path) -> None:
    """A file of another program among those of the trail: the rest is found, exit code 1."""
    rotated_files(trail)[1].write_bytes(b"\x89PNG\xff\xfe\x00" * 100)
    with pytest.raises(Unreadable):
        find(trail)
    out, err = desk.run("audit", "export", "--client", WARD["client"], exit_code=1)

    assert len(out.splitlines()) == CLOSED
    assert "no text" in err


def test_a_file_of_another_key_is_reported(desk: Desk, trail: Path, tmp_path: Path) -> None:
    """Among the files of this one, its lines are left out and counted."""
    stranger = AuditFile(tmp_path / "other.jsonl", key="o" * 32)
    stranger.append([WARD])
    file = rotated_files(trail)[1]
    stranger.path.rename(file)
    stranger.path.with_name("other.jsonl.lock").unlink()
    out, err = desk.run("audit", "export", "--client", WARD["client"], exit_code=1)

    assert len(out.splitlines()) == CLOSED
    assert f"1 of {file.name}" in err


def test_the_lines_are_the_trails_own(desk: Desk, copied: Path) -> None:
    """Byte for byte, with every character that JSON escapes or does not."""
    out, _ = desk.run("audit", "export")
    files = (*rotated_files(copied), copied)
    written = b"".join(file.read_bytes() for file in files).splitlines()

    assert sorted(out.encode().splitlines()) == sorted(written)


def test_nothing_is_drawn_into_the_output(tmp_path: Path) -> None:
    """A slow query would draw a bar there, between the lines of an export."""
    with copies.connect(str(tmp_path)) as database:
        query = "SELECT current_setting('enable_progress_bar')"
        assert database.execute(query).fetchone() == (False,)
