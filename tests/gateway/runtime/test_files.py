"""Files that are watched, and files that are replaced as a whole."""

import json
import logging
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.runtime.files import (
    FileUnusable,
    WatchedFile,
    open_file,
    open_regular,
    write_json,
    write_whole,
)
from tests.contract.process import ROOT
from tests.gateway.clock import Clock


class Watched:
    """A watched file of one word, and the number of its readings."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.clock = Clock()
        self.readings = 0
        self.file = WatchedFile(path, read=self.read, initial="", name="WORD", clock=self.clock)

    def read(self) -> str:
        self.readings += 1
        if not self.path.exists():
            return ""
        if " " in (word := self.path.read_text()):
            raise FileUnusable("it has two words")
        return word

    def after_a_second(self) -> str:
        self.clock.now += 1
        return self.file.current()


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    return Watched(tmp_path / "word")


def test_a_change_is_seen_within_a_second_and_no_sooner(watched: Watched) -> None:
    """Requests in between cost nothing, and an unchanged file is not read again."""
    assert watched.file.current() == ""
    assert watched.file.is_missing
    watched.path.write_text("one")
    watched.clock.now += 0.9
    assert watched.file.current() == ""
    assert watched.after_a_second() == "one"
    assert watched.after_a_second() == "one"
    assert watched.readings == 2
    assert watched.file.generation == 2
    watched.path.unlink()
    assert watched.after_a_second() == ""
    assert watched.file.is_missing


def test_an_unusable_file_changes_nothing(
    watched: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    """The last good value stays; the problem is logged once, and ends with the file it was in,
    even where that looks as it did before."""
    watched.path.write_text("one")
    assert watched.file.current() == "one"
    before = watched.path.stat()
    with caplog.at_level(logging.ERROR):
        watched.path.write_text("o e")
        assert [watched.after_a_second() for _ in range(3)] == ["one"] * 3
    assert watched.file.problem == "WORD cannot be used: it has two words."
    assert caplog.text.count("WORD cannot be used") == 1
    assert watched.file.generation == 1
    watched.path.write_text("one")
    os.utime(watched.path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert watched.after_a_second() == "one"
    assert watched.file.problem is None


def test_what_is_no_file_is_not_opened(tmp_path: Path) -> None:
    """Neither a folder, nor a pipe, nor a device; and no descriptor is left behind."""
    os.mkfifo(tmp_path / "pipe")
    descriptors = os.listdir("/proc/self/fd")
    for path in (tmp_path, tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(OSError, match=r"directory|not a regular file"):
            open_regular(path)
    with pytest.raises(IsADirectoryError):
        open_file(tmp_path)
    assert os.listdir("/proc/self/fd") == descriptors


def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    """With its mode, and no draft beside it, not even one that was left by a crash."""
    path = tmp_path / "file.json"
    (tmp_path / f"file.json.{os.getpid()}.new").write_text("{")
    write_json(path, {"text": "Störung"}, mode=0o600)
    assert json.loads(path.read_text(encoding="utf-8")) == {"text": "Störung"}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a file away")
def test_a_private_file_of_a_foreign_group_is_replaced_by_its_owner(tmp_path: Path) -> None:
    """As where a container's volume is root's group: the owner could not give that group away."""
    file = tmp_path / "keys"
    write_whole(file, b"before", mode=0o600)
    os.chown(tmp_path, 54321, 54321)
    os.chown(file, 54321, 0)
    write = (
        "import os, pathlib; from gateway.runtime.files import write_whole; "
        "os.setgroups([]); os.setgid(54321); os.setuid(54321); "
        "write_whole(pathlib.Path('keys'), b'after', mode=0o600)"
    )
    environ = {"PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", write], env=environ, cwd=tmp_path, check=True)

    assert file.read_bytes() == b"after"
    assert file.stat().st_uid == 54321
