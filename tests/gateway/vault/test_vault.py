"""A vault of one process: what waits is written in order, or requests are refused."""

import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import OutOfMemory
from gateway.limits.memory_budget import MemoryBudget
from gateway.record import AnswerSummary, RequestRecord, rfc3339
from gateway.safety.labels import keyed_digest
from gateway.safety.transcript import Transcript
from gateway.vault import folder
from gateway.vault.sealing import Sealer
from gateway.vault.vault import Vault
from tests.gateway.vault.conftest import Holder, KeyPair
from tests.waiting import beside, eventually

KEY, A_DAY_S = b"k" * 32, 86_400.0


class Process:
    """A vault with what it tells the operator."""

    def __init__(self, path: Path, keys: KeyPair, days: int = 3650) -> None:
        self.alarms: list[tuple[bool, int]] = []
        self.budget = MemoryBudget(2**30)
        self.holder = Holder(path, keys)
        note = lambda failing, waiting: self.alarms.append((failing, waiting))  # noqa: E731
        self.vault = Vault(path, Sealer(keys.public), "Call 112.", days=days, alarm=note)

    def keep(self, number: int, text: str = "Rest.", request: bytes = b"{}") -> None:
        """Answer a request."""
        record = RequestRecord(f"caller-{number}", "POST", own_id=f"{number:032x}")
        transcript = Transcript(request, self.budget.lease())
        digest = keyed_digest(KEY, text, transcript)
        record.answer = AnswerSummary(1, 1, (), (), [digest])
        transcript.is_whole = True
        assert self.vault.keep(record, "/llm/generate", transcript)

    async def until_last(self, *, failing: bool, waiting: int) -> None:
        """Wait until this is the latest that the operator was told."""
        await eventually(lambda: self.alarms[-1:] == [(failing, waiting)])

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        try:
            async with beside(self.vault.run()):
                yield
        finally:
            self.vault.stop()


@pytest.fixture
def process(tmp_path: Path, keys: KeyPair) -> Process:
    (tmp_path / "vault").mkdir()
    return Process(tmp_path / "vault", keys)


async def test_a_lost_answer_is_counted_at_the_stop(
    process: Process, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Without a word of it."""
    process.holder.vault.rename(tmp_path / "away")
    async with process.running():
        process.keep(1, "zebrafish7731", request=b'"zebrafish7731"')

    assert "answers lost at the stop: 1" in caplog.text
    assert "zebrafish" not in caplog.text


@pytest.mark.parametrize(("pause_s", "count"), [(0.4, 1), (0.03, 20)])
async def test_a_disk_that_hangs_or_is_too_slow_refuses_too(
    process: Process, monkeypatch: pytest.MonkeyPatch, pause_s: float, count: int
) -> None:
    """Nobody can report it but who waits; what waits is what a kill loses."""
    taken = folder.write

    def slowly(*given: Any) -> Any:
        time.sleep(pause_s)
        return taken(*given)

    monkeypatch.setattr("gateway.vault.vault.STUCK_S", 0.05)
    monkeypatch.setattr(folder, "write", slowly)
    async with process.running():
        for number in range(count):
            process.keep(number)
        await eventually(process.vault.refuses)
        await process.until_last(failing=False, waiting=0)

        assert not process.vault.refuses()


async def test_days_that_are_over_go(tmp_path: Path, keys: KeyPair) -> None:
    """An answer stays for so many days at least."""
    vault, now = tmp_path / "vault", time.time()
    vault.mkdir()
    for days in range(4):
        day = folder.make_day(vault, rfc3339(now - days * A_DAY_S)[:10])
        folder.write(day, f"{days:032x}", b"sealed")
    process = Process(vault, keys, days=2)
    async with process.running():
        await process.until_last(failing=False, waiting=0)

    stay = {rfc3339(now - days * A_DAY_S)[:10] for days in range(3)}
    left = {path.name for path in folder.days_in(vault)}
    assert stay <= left <= stay | {rfc3339(time.time())[:10]}


async def test_many_small_answers_cannot_fill_the_memory(process: Process) -> None:
    """While the disk is slower than they come, the next request is refused; none is lost."""
    process.budget.limit_bytes = 4_000_000
    kept = 0
    with contextlib.suppress(OutOfMemory):
        for kept in range(10_000):
            process.keep(kept)
    assert 100 < kept < 1_000
    async with process.running():
        await process.until_last(failing=False, waiting=0)

        assert process.budget.held_bytes == 0
    assert len(process.holder.answers()) == kept
