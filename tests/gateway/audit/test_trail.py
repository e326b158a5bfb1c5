"""The writer behind the requests: nothing is lost to a short failure, and a long one is told."""

import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import pytest

from gateway.audit import trail as trails
from gateway.audit.chain import ChainHead
from gateway.audit.file import AuditFile
from gateway.audit.pseudonyms import Pseudonyms
from gateway.audit.trail import Trail
from gateway.errors import AuditUnavailable
from gateway.principal import ANYBODY, Principal
from gateway.record import RequestRecord
from gateway.runtime.json_types import Json
from gateway.settings.audit import AuditSettings
from tests.gateway.audit.conftest import KEY, Open, fail, lines, repair
from tests.waiting import PATIENCE_S, until

FEW = 200  # of a thousand: one a batch, and a busy machine takes more batches
OnFailure = Literal["refuse", "serve"]


class Writing:
    """A trail at work."""

    def __init__(self, file: AuditFile, path: Path, on_failure: OnFailure) -> None:
        self.path = path
        settings = AuditSettings(audit_on_failure=on_failure)
        self.trail = Trail(file, Pseudonyms.of(KEY), settings)

    def written(self, kind: str = "request") -> list[dict[str, Any]]:
        return [line for line in lines(self.path) if line["kind"] == kind]

    def refuses(self) -> bool:
        """Return whether a request would not be let in."""
        try:
            self.trail.check()
        except AuditUnavailable:
            return True
        return False


Begin = Callable[..., Writing]


@pytest.fixture
def begin(open_file: Open, path: Path) -> Iterator[Begin]:
    begun: list[Writing] = []

    def start(on_failure: OnFailure = "refuse", file: AuditFile | None = None) -> Writing:
        begun.append(Writing(file or open_file(), path, on_failure))
        begun[-1].trail.start()
        return begun[-1]

    yield start
    for fixture in begun:
        if fixture.trail._thread.is_alive():
            fixture.trail.stop()
    assert not [thread for thread in threading.enumerate() if thread.name == "audit"]


def finished(
    number: int = 1, outcome: str = "ok", principal: Principal | None = None
) -> RequestRecord:
    record = RequestRecord(f"r-{number}", "POST", "10.0.0.7", is_audited=True)
    record.outcome, record.status = outcome, 200
    record.principal = principal or Principal("ward", "key", frozenset())
    record.finish("/llm/generate")
    return record


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "trail").mkdir()
    return tmp_path / "trail" / "audit.jsonl"


class Hanging(AuditFile):
    """A disk that does not answer, as a network file system whose server is away."""

    answers = threading.Event()

    def sync(self) -> None:
        assert self.answers.wait(PATIENCE_S)
        super().sync()


class Busy(AuditFile):
    """A trail that gets another line while it writes one."""

    while_writing: Callable[[], None] | None = None

    def append(self, records: Sequence[Json]) -> ChainHead:
        if records and self.while_writing:
            self.while_writing()
        return super().append(records)


def test_lines_without_end_delay_no_checkpoint(
    begin: Begin, path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The writer ends a batch with the lines that were there when it began."""
    monkeypatch.setattr(trails, "CHECKPOINT_EVERY_S", 0.0)
    file = Busy(path, key=KEY)
    writing = begin(file=file)
    file.while_writing = lambda: writing.trail.observe(finished())
    writing.trail.observe(finished())
    shown: list[str] = []

    def count_checkpoints() -> int:
        shown.append(capsys.readouterr().out)
        return "".join(shown).count("audit_checkpoint")

    try:
        until(lambda: count_checkpoints() > 2)
    finally:
        file.while_writing = None


def test_a_disk_that_hangs_is_a_failure_too(
    begin: Begin, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The thread that waits for it cannot say so: whoever asks finds out. Nothing is lost."""
    monkeypatch.setattr(trails, "STUCK_S", 0.2)
    file = Hanging(path, key=KEY)
    file.answers.set()
    writing = begin(file=file)
    file.answers.clear()
    writing.trail.observe(finished())
    until(writing.refuses)
    assert writing.trail.failing

    file.answers.set()
    until(lambda: not writing.trail.warnings())
    writing.trail.check()
    assert not writing.trail.failing
    assert len(writing.written()) == 1


class Counting(AuditFile):
    """Counts how often the disk is made to keep what was written."""

    forced = 0

    def sync(self) -> None:
        self.forced += 1
        super().sync()


def test_the_last_lines_before_a_quiet_time_are_forced_too(begin: Begin, path: Path) -> None:
    """Lines are forced once a second, also when no other line follows."""
    file = Counting(path, key=KEY)
    writing = begin(file=file)
    writing.trail.observe(finished())
    until(lambda: len(writing.written()) == 1)
    until(lambda: file.forced == 2 and not file.owes_sync)


def test_a_writer_that_dies_is_a_failure(begin: Begin, caplog: pytest.LogCaptureFixture) -> None:
    """A fault of ours is no quiet trail: nothing is served from then on."""
    writing = begin()
    broken = finished()
    broken.route = object()  # type: ignore[assignment] # what JSON cannot hold
    writing.trail.observe(broken)
    until(lambda: writing.trail.failing)

    assert writing.refuses()
    assert writing.trail.failing
    assert "fault" in caplog.messages


def test_what_was_lost_is_counted_in_the_chain(
    begin: Begin, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory is finite; the gap has a line of its own."""
    monkeypatch.setattr(trails, "MOST_PENDING", 2)
    writing = begin("serve")
    fail(path)
    for number in range(5):
        writing.trail.observe(finished(number))
    until(lambda: writing.trail.failing)
    repair(path)
    until(lambda: not writing.trail.failing)

    assert [line["lost"] for line in writing.written("gap")] == [3]
    assert len(writing.written()) == 2


@pytest.mark.parametrize("outcome", ["unauthorized", "method_not_allowed"])
def test_strangers_cannot_fill_the_disk(begin: Begin, outcome: str) -> None:
    """Of requests without a good key one a batch is written, and the others are counted; callers
    whose key was withdrawn meanwhile are known, and each of theirs has its line."""
    writing = begin()
    for number in range(1000):
        writing.trail.observe(finished(number, outcome, ANYBODY))
    for number in range(3):
        writing.trail.observe(finished(number, outcome))
    writing.trail.stop()
    strangers = [line for line in writing.written() if line["client"] is None]
    known = [line for line in writing.written() if line["client"] == "ward"]

    assert len(strangers) < FEW
    assert sum(1 + line.get("more_like_this", 0) for line in strangers) == 1000
    assert [line.get("more_like_this") for line in known] == [None] * 3


def test_a_failure_from_the_start(begin: Begin, path: Path) -> None:
    """Is known before the first request comes in."""
    fail(path)
    writing = begin()
    assert writing.refuses()
    repair(path)
    until(lambda: not writing.trail.failing)

    assert len(writing.written("start")) == 1
