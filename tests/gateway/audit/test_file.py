"""The file: whole lines or none, repaired, rotated, shared."""

import fcntl
import os
import resource
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.audit import file as files
from gateway.audit.chain import new_mac
from gateway.audit.file import AuditFile, ChainBroken
from gateway.audit.rotation import rotated_files
from gateway.audit.search import search_trails
from gateway.audit.verify import verify
from tests.contract.process import ROOT
from tests.gateway.audit.conftest import KEY, Append, Open, lines, numbers_in, records
from tests.waiting import PATIENCE_S


def test_lines_are_appended(append: Append, path: Path) -> None:
    """In order, across openings, and only the owner may read them."""
    append(records(1, 2))

    assert append(records(3)).seq == 3
    assert numbers_in(path) == [1, 2, 3]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not verify(path, key=KEY).findings


WRITER = """
import sys, time
from pathlib import Path
from gateway.audit.file import AuditFile
file = AuditFile(Path(sys.argv[1]), key="k" * 32, rotate_bytes=50_000)
print("ready", flush=True)
until = time.monotonic() + 60
while not Path(sys.argv[3]).exists():
    if time.monotonic() > until:
        sys.exit("nobody said go")
    time.sleep(0.001)
for number in range(1000):
    file.append([{"kind": "test", "by": sys.argv[2], "number": number}])
"""


def test_processes_share_one_chain(path: Path) -> None:
    """At full speed, through rotations: no line lost, doubled, torn or out of its order."""
    go = path.with_name("go")
    children = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), name, str(go)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
        )
        for name in "ab"
    ]
    for child in children:
        assert child.stdout is not None
        with child.stdout:
            assert child.stdout.readline() == b"ready\n"
    go.touch()
    assert [child.wait(timeout=PATIENCE_S) for child in children] == [0, 0]

    files = [*rotated_files(path), path]
    written = [line for file in files for line in lines(file) if line["kind"] == "test"]
    assert len(files) > 5
    for name in "ab":
        assert [line["number"] for line in written if line["by"] == name] == list(range(1000))
    assert not verify(path, key=KEY).findings


def test_a_crash_at_any_byte_is_repaired(append: Append, path: Path) -> None:
    """Complete lines stay, a torn one goes and the chain says so, and it goes on."""
    append(records(1, 2))
    whole = path.read_bytes()
    ends = {1: whole.index(b"\n") + 1, 2: len(whole)}
    for cut in range(len(whole) + 1):
        path.write_bytes(whole[:cut])
        append(records(3))

        complete = [number for number in ends if cut >= ends[number] - 1]  # perhaps no newline
        rest = cut - max((ends[number] for number in complete), default=0)
        assert numbers_in(path) == [*complete, 3], cut
        torn = [line["torn_bytes"] for line in lines(path) if line["kind"] == "repair"]
        assert torn == ([rest] if rest > 0 else []), cut
        assert not verify(path, key=KEY).findings, cut


@pytest.mark.parametrize("name", ["audit[1].jsonl", "audit*.jsonl"])
def test_a_name_is_no_pattern(path: Path, name: str) -> None:
    """The chain goes on through rotations, and is searched; a pipe or a folder is no part of it."""
    trail = path.with_name(name)
    os.mkfifo(trail.with_name(f"{name}.8"))
    trail.with_name(f"{name}.9").mkdir()
    file = AuditFile(trail, key=KEY, rotate_bytes=1)
    for number in range(4):
        file.append(records(number))

    report = verify(trail, key=KEY)
    assert (report.findings, report.first) == ([], 1)
    with search_trails([trail], new_mac(KEY)) as search:
        rotations = list(search.find({"kinds": ("rotation",)}))
    assert [line.is_genuine for line in rotations] == [True] * 3


def test_a_pipe_in_its_place_blocks_nobody(open_file: Open, path: Path) -> None:
    """Writing fails while it is there, and goes on afterwards."""
    file = open_file()
    file.append(records(1))
    path.rename(path.with_name("away"))
    os.mkfifo(path)
    with pytest.raises(OSError, match="not a regular file"):
        file.append(records(2))
    path.with_name("away").replace(path)
    file.append(records(3))

    assert numbers_in(path) == [1, 3]
    assert not verify(path, key=KEY).findings


@pytest.mark.parametrize("left", ["nothing", "empty"])
def test_a_crash_inside_a_rotation(append: Append, path: Path, left: str) -> None:
    """Between the renaming and the first line: the chain goes on from the renamed file."""
    append(records(1, 2))
    path.rename(path.with_name("audit.jsonl.000000000002"))
    if left == "empty":
        path.touch()
    assert not verify(path, key=KEY).findings
    append(records(3))

    assert lines(path)[0]["seq"] == 3
    assert not verify(path, key=KEY).findings


@pytest.mark.parametrize("how", ["another key", "edited", "no chain", "no line", "a hole"])
def test_nothing_is_appended_to_what_is_not_ours(append: Append, path: Path, how: str) -> None:
    """Going on would bury the evidence."""
    append(records(1))
    if how == "edited":
        path.write_bytes(path.read_bytes().replace(b'"number":1', b'"number":7'))
    if how == "no chain":
        path.write_bytes(b'{"keys": [\n]}')
    if how == "no line":
        path.write_bytes(b"hello")
    if how == "a hole":
        os.truncate(path, 2**40)
        with pytest.raises(ChainBroken):
            append(records(2))
        return
    before = path.read_bytes()
    key = "another key of 32 characters, or more" if how == "another key" else KEY
    with pytest.raises(ChainBroken, match="MMHIE_AUDIT_KEY"):
        append(records(2), key=key)

    assert path.read_bytes() == before


def test_a_disk_that_fills_up_leaves_no_half_line(open_file: Open, path: Path) -> None:
    """The batch fails as a whole and is written as a whole once there is room. (A limit on the
    size of files stands in for the disk: the kernel cuts the write short in the same way.)"""
    file = open_file()
    file.append(records(1))
    before = path.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    for room in (0, 1, 100, 400):
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + room, hard))
        try:
            with pytest.raises(OSError, match="File too large"):
                file.append(records(*range(2, 7)))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert path.read_bytes() == before
    file.append(records(*range(2, 7)))

    assert numbers_in(path) == list(range(1, 7))
    assert not verify(path, key=KEY).findings


def test_a_writer_that_was_stopped_while_it_held_the_lock(
    open_file: Open, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others fail within a bounded time and say why, and go on when it lets go."""
    monkeypatch.setattr(files, "LOCK_WAIT_S", 0.1)
    holder = path.with_name("audit.jsonl.lock").open("w")
    fcntl.flock(holder, fcntl.LOCK_EX)
    file = open_file()
    with pytest.raises(OSError, match="another process holds its lock"):
        file.append(records(1))
    holder.close()
    file.append(records(1))

    assert numbers_in(path) == [1]


def test_a_line_longer_than_one_look(append: Append, path: Path) -> None:
    """The end of the trail is found however long its last line is, here and in a rotated file."""
    giant = {"kind": "test", "output_digests": ["d" * 76] * 5000}
    for _ in range(3):
        append([giant], rotate_bytes=500_000)
    path.unlink()  # a crash between the two steps of a rotation
    append(records(1))

    assert len(rotated_files(path)) == 1
    assert lines(path)[-1]["number"] == 1
    assert lines(path)[0]["prev"] == lines(rotated_files(path)[-1])[-1]["mac"]
