"""Every manipulation of a trail is found, with its place."""

import itertools
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.audit import chain
from gateway.audit.chain import ChainHead
from gateway.audit.rotation import LONGEST_LINE, rotated_files
from gateway.audit.verify import MOST_LISTED, verify
from tests.gateway.audit.conftest import KEY, Append, lines, record, records

Lines = list[bytes]
Change = Callable[[Lines], Lines]


@pytest.fixture
def trail(append: Append, path: Path) -> Path:
    """Ten lines."""
    append(records(*range(1, 11)))
    return path


def found(path: Path, key: str = KEY, **how: Any) -> list[tuple[str, str]]:
    findings = verify(path, key=key, **how).findings
    return [(finding.kind, finding.where) for finding in findings]


def change(path: Path, how: Change) -> None:
    path.write_bytes(b"".join(how(path.read_bytes().splitlines(keepends=True))))


def edited(all_lines: Lines) -> Lines:
    all_lines[4] = all_lines[4].replace(b'"number":5', b'"number":6')
    return all_lines


def swapped(all_lines: Lines) -> Lines:
    return [*all_lines[:4], all_lines[5], all_lines[4], *all_lines[6:]]


def renumbered(all_lines: Lines) -> Lines:
    """A deletion that somebody tried to hide."""
    rest = [line.replace(b'"seq":6', b'"seq":5') for line in all_lines[5:]]
    return [*all_lines[:4], *rest]


@pytest.mark.parametrize(
    ("how", "findings"),
    [
        (lambda all_lines: all_lines, []),
        (edited, [("edited", "audit.jsonl:5")]),
        (lambda x: x[:4] + x[5:], [("deleted", "audit.jsonl:5")]),
        (lambda x: x[:4] + x[7:], [("deleted", "audit.jsonl:5")]),
        (lambda x: x[1:], [("missing", "the beginning")]),
        (swapped, [("reordered", "audit.jsonl:6")]),
        (lambda x: [*x[:5], x[4], *x[5:]], [("reordered", "audit.jsonl:6")]),
        (lambda x: [*x[4:], *x[:4]], None),
        (lambda x: [*x[:4], b"hello\n", *x[5:]], [("torn", "audit.jsonl:5")]),
        (lambda x: [*x[:9], x[9][:50]], [("torn", "audit.jsonl:10")]),
        (lambda x: [*x[:4], b"\n", *x[4:]], None),
        (renumbered, [("edited", "audit.jsonl:5"), ("deleted", "audit.jsonl:6")]),
    ],
)
def test_what_was_done_is_found(
    trail: Path, how: Change, findings: list[tuple[str, str]] | None
) -> None:
    """One fault is one finding, at its line."""
    change(trail, how)

    if findings is None:
        assert found(trail)
    else:
        assert found(trail) == findings


def test_a_line_without_end_is_one_finding(trail: Path) -> None:
    """It is not read into memory: a file with a hole may be larger than that."""
    with trail.open("r+b") as file:
        file.truncate(64 * LONGEST_LINE)
    tracemalloc.start()
    findings, (_, most) = found(trail), tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert findings == [("torn", "audit.jsonl:11")]
    assert most < 16 * LONGEST_LINE


@pytest.mark.parametrize("number", range(10))
def test_every_single_deletion(trail: Path, number: int) -> None:
    """Of any line but the last it is found without help; of the last, by a checkpoint."""
    head = verify(trail, key=KEY).head
    change(trail, lambda x: x[:number] + x[number + 1 :])

    assert bool(found(trail)) == (number < 9)
    assert found(trail, checkpoints=[head])


def test_checkpoints_that_contradict_each_other(trail: Path) -> None:
    """A trail that has grown since is right; with another digest for one of its numbers, alone or
    beside the right one, it was rewritten with the key, or rolled back and written on."""
    good = ChainHead(3, lines(trail)[2]["mac"])
    other = ChainHead(3, "f" * 64)

    assert found(trail, checkpoints=[good]) == []
    for noted in ([other], [good, other], [other, good]):
        assert found(trail, checkpoints=noted) == [("rewritten", "audit.jsonl:3")]


def test_whoever_has_the_key_is_found_too(trail: Path) -> None:
    """A line that was written anew does not fit the next, unless all after it are new as well:
    then a checkpoint tells."""
    told = trail.read_bytes().splitlines(keepends=True)
    mac = chain.new_mac(KEY)
    before = lines(trail)[3]
    forged, _ = chain.signed_line(record(99), ChainHead(before["seq"], before["mac"]), mac)
    trail.write_bytes(b"".join([*told[:4], forged, *told[5:]]))

    assert found(trail) == [("rewritten", "audit.jsonl:6")]


def test_lines_in_disorder_cost_no_more(append: Append, path: Path) -> None:
    """Half of the lines come after the others: a second of a processor, where each line was
    compared with each gap."""
    append(records(*range(20_000)))
    rows = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(rows[::2] + rows[1::2]))
    began = time.process_time()

    assert len(verify(path, key=KEY).findings) == MOST_LISTED
    assert time.process_time() - began < 3


def test_through_rotated_files(append: Append, path: Path) -> None:
    """A missing file is a deletion, unless it is the first and was archived."""
    append(*map(records, range(30)), rotate_bytes=1000)
    rotated = rotated_files(path)
    assert found(path) == []
    middle = rotated[2].read_bytes()
    rotated[2].unlink()
    assert found(path) == [("deleted", f"{rotated[3].name}:1")]
    rotated[2].write_bytes(middle)
    rotated[0].unlink()
    assert found(path) == [("missing", "the beginning")]
    assert found(path, archived=True) == []


@pytest.fixture
def files(append: Append, path: Path) -> list[Path]:
    """The files of a trail that was rotated."""
    append(*map(records, range(30)), rotate_bytes=1000)
    return [*rotated_files(path), path]


@pytest.mark.parametrize(
    ("how", "finding"),
    [
        (lambda x: x, None),
        (lambda x: [x[0], x[1].replace(b'"number":', b'"number":1'), *x[2:]], "edited"),
        (lambda x: [x[0], x[2], x[1], *x[3:]], "reordered"),
        (lambda x: [x[0], *x[2:]], "deleted"),
        (lambda x: x[:-1], "deleted"),
        (lambda x: [*x[:-1], x[-1].removesuffix(b"\n")], "torn"),
    ],
)
def test_what_was_done_to_a_rotated_file(
    files: list[Path], path: Path, how: Change, finding: str | None
) -> None:
    """A fault in one of several files is found, and nothing else."""
    head = verify(path, key=KEY).head
    change(files[3], how)
    report = verify(path, key=KEY, checkpoints=[head])

    assert [found.kind for found in report.findings] == ([finding] if finding else [])
    assert report.head == head


def test_checkpoints_of_every_line_are_compared(files: list[Path], path: Path) -> None:
    """Also those of lines in rotated files."""
    known = [ChainHead(line["seq"], line["mac"]) for file in files for line in lines(file)]
    assert found(path, checkpoints=known) == []
    known[5] = ChainHead(6, "f" * 64)

    ((kind, where),) = found(path, checkpoints=known)
    assert kind == "rewritten"
    assert where.startswith("audit.jsonl.")


@pytest.mark.parametrize("moment", range(2))
def test_a_rotation_at_any_moment(
    append: Append, path: Path, monkeypatch: pytest.MonkeyPatch, moment: int
) -> None:
    """Before or after the look at the folder, twice at once: no line seems to be deleted."""
    append(*map(records, range(30)), rotate_bytes=1000)
    moments = itertools.count()

    def rotate_now() -> None:
        if next(moments) == moment:
            append(records(30), records(31), rotate_bytes=1)

    def look(trail: Path) -> list[Path]:
        rotate_now()
        files = rotated_files(trail)
        rotate_now()
        return files

    monkeypatch.setattr("gateway.audit.rotation.rotated_files", look)
    report = verify(path, key=KEY)

    assert report.findings == []
    assert (report.lines, next(moments) > moment) == (report.head.seq, True)
