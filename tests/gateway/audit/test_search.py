"""Trails are searched: each line once, and only those that are as they were written."""

from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.audit.chain import new_mac
from gateway.audit.file import AuditFile
from gateway.audit.rotation import rotated_files
from gateway.audit.search import FoundLine, search_trails
from tests.gateway.audit.conftest import KEY, Append, Desk

WARD = {"kind": "request", "client": "Zürich 'ward'", "patient": "patient:1"}
CLOSED = 4


@pytest.fixture
def trail(append: Append, path: Path) -> Path:
    """A trail of five files, each with its lines of two patients, however small it is."""
    for number in range(CLOSED + 1):
        time = f"2026-11-25T01:0{number}:00.000Z"
        more = [{**WARD, "time": time, "number": number}, {"time": time, "patient": "patient:2"}]
        append(more, rotate_bytes=300)
    assert len(rotated_files(path)) == CLOSED
    return path


def find(trail: Path) -> list[FoundLine]:
    """The lines of a patient, and those that are none."""
    with search_trails([trail], new_mac(KEY)) as search:
        return list(search.find({"patient": ["patient:1"]}))


def numbers(trail: Path) -> list[int]:
    return [line.record["number"] for line in find(trail) if line.is_genuine]


@pytest.mark.parametrize(
    "copy",
    [
        lambda files: (f"{files[1].name}.1", files[1].read_bytes()),
        lambda files: (f"{files[1].name}.1", files[1].read_bytes().split(b"\n")[0] + b"\n"),
        lambda files: (f"{files[-1].name}.1", files[-1].read_bytes()),
        lambda files: ("copy.jsonl", files[-1].read_bytes()),
    ],
    ids=["closed", "cut", "current", "trail"],
)
def test_a_copy_of_a_line_counts_once(
    desk: Desk, trail: Path, copy: Callable[[list[Path]], tuple[str, bytes]]
) -> None:
    """Somebody has copied a file beside it, or a part of it."""
    name, content = copy([*rotated_files(trail), trail])
    trail.with_name(name).write_bytes(content)
    if name == "copy.jsonl":
        trail.with_name(f"{name}.lock").touch()
    out, _ = desk.run("audit", "export", "--count-by", "key")

    assert out.splitlines()[1].split(",")[1] == str(CLOSED + 1)


def test_a_line_that_was_changed_is_not_counted(desk: Desk, trail: Path) -> None:
    """There is no table: figures of a damaged trail would be believed."""
    file = rotated_files(trail)[1]
    file.write_bytes(file.read_bytes().replace(b"ward", b"WARD"))
    out, err = desk.run("audit", "export", "--count-by", "key", exit_code=1)

    assert out == ""
    assert f"1 of {file.name}" in err


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
    out, err = desk.run("audit", "export", "--client", WARD["client"], exit_code=1)

    assert len(out.splitlines()) == CLOSED
    assert "1 of audit.jsonl." in err


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


def test_the_lines_are_the_trails_own(desk: Desk, trail: Path) -> None:
    """Byte for byte, with every character that JSON escapes or does not."""
    out, _ = desk.run("audit", "export")
    files = (*rotated_files(trail), trail)
    written = b"".join(file.read_bytes() for file in files).splitlines()

    assert sorted(out.encode().splitlines()) == sorted(written)
