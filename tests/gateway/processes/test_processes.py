"""Real worker processes: one port, one truth; one of them dies, all are drained, nothing is lost.

How long things take is never asserted: a loaded machine is no fault.
"""

import os
import signal
from collections.abc import Iterable
from concurrent.futures import Future
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import orjson
import psutil
import pytest

from gateway.hold import hold
from gateway.hold.hold import Hold
from tests.fake_engine.process import FakeEngine
from tests.gateway.auth.conftest import add_key, bearer
from tests.gateway.processes.conftest import (
    LONG_STREAM,
    STREAM,
    Four,
    Several,
    Start,
    begin_together,
    ports_of,
)
from tests.waiting import until

pytestmark = pytest.mark.slow  # several processes for each test

DONE = b"data: [DONE]\n\n"
SUMS = {
    "mmhie_inflight_requests": 4,
    "mmhie_inflight_limit": 4,
    "mmhie_queued_requests": 12,
    "mmhie_queue_limit": 12,
}


class Stream:
    """One answer being read, slowly, over a connection of its own."""

    def __init__(
        self,
        gateway: Several,
        body: bytes = STREAM,
        connection: HTTPConnection | None = None,
        **headers: str,
    ) -> None:
        self.connection = connection or gateway.connect()
        self.connection.request("POST", "/llm/generate", body, headers)
        self.port = self.connection.sock.getsockname()[1]
        self.read = b""
        self.answer = self.connection.getresponse()

    def finish(self) -> None:
        """Read to the end, whichever that is."""
        try:
            self.read = self.answer.read()
        except (HTTPException, OSError):
            self.read = b"cut"
        finally:
            self.connection.close()

    def leave(self) -> None:
        """Go without reading on."""
        self.answer.close()
        self.connection.close()

    @property
    def is_whole(self) -> bool:
        return self.read.endswith(DONE) and b'"error"' not in self.read


def endless(gateway: Four, name: str, pids: Iterable[int], engine: FakeEngine) -> list[Stream]:
    """An answer at each of these workers that holds its slot until its caller leaves."""
    slow = {"fault": "slow_tokens", "seconds": 0.1}
    streams = []
    for pid in pids:
        engine.next({"fault": "endless"}, slow)
        connection = gateway.connect_to(pid)
        streams.append(Stream(gateway, LONG_STREAM, connection, **gateway.bearers[name]))
    return streams


def test_a_hold_ends_what_runs_in_every_worker(start: Start, engine: FakeEngine) -> None:
    """`now` in the file they share: each stream ends with an error that names the hold."""
    gateway = start(workers=2, MMHIE_HOLD_FILE="hold.json")
    for _ in range(8):
        engine.next({"fault": "endless"}, {"fault": "slow_tokens", "seconds": 0.1})
    streams = [Stream(gateway, LONG_STREAM) for _ in range(8)]
    file = gateway.log_file.with_name("hold.json")
    hold.write(file, Hold("drift", "ops", "2026-01-01T00:00:00Z", now=True))
    for stream in streams:
        stream.finish()

    assert all(b'"code":"held"' in stream.read and stream.read.endswith(DONE) for stream in streams)
    engine.until(lambda stats: stats["aborted"] == 8)
    assert gateway.ask() == 503


def test_one_truth_in_metrics_and_digests(four: Four) -> None:
    """Whichever worker is asked tells of all of them; all make the same digest of one prompt."""
    counted = four.metric("mmhie_requests_total")
    answers = [four.whole(four.bearers["ward"]) for _ in range(40)]

    assert {status for status, _ in answers} == {200}
    assert len({answer["mmhie"]["provenance"]["prompt_digest"] for _, answer in answers}) == 1
    # A request is counted just after its answer has left.
    until(lambda: four.metric("mmhie_request_duration_seconds_count") == counted + 40)
    for _ in range(8):
        assert four.metric("mmhie_requests_total") == counted + 40
        assert four.metric("mmhie_request_duration_seconds_count") == counted + 40
    until(lambda: four.metric("mmhie_workers") == 4)
    assert four.metric("mmhie_engine_ready") == 1


def test_slots_and_queue_are_shared_out(four: Four, engine: FakeEngine) -> None:
    """Each of four workers has one of four slots and three of twelve places in the queue, whatever
    the others do; metrics and load are the sum, whichever worker is asked."""
    streams = endless(four, "ward", four.pids(), engine)
    waiting = [
        asked
        for number, pid in enumerate(four.pids(), 1)
        for asked in three_waiting(four, pid, queued=3 * number)
    ]
    assert engine.stats["running"] == 4
    for name, total in SUMS.items():
        assert four.metric(name) == total
    assert {(load["inflight"], load["queued"]) for load in loads(four)} == {(4, 12)}
    for stream in streams:
        stream.leave()
    assert [asked.result() for asked in waiting] == [[200]] * 12


def three_waiting(four: Four, pid: int, *, queued: int) -> list[Future[Any]]:
    """Have three wait at this worker, which refuses the next; so many wait in all."""
    waiting = begin_together(3, lambda: four.at(pid, four.bearers["ward"]))
    until(lambda: four.metric("mmhie_queued_requests") == queued)
    assert four.at(pid, four.bearers["ward"]) == [429]
    return waiting


def loads(four: Four) -> list[Any]:
    """Return what each worker says of the load."""
    loads = []
    for pid in four.pids():
        with closing(four.connect_to(pid)) as connection:
            connection.request("GET", "/v1/mmhie/load")
            loads.append(orjson.loads(connection.getresponse().read()))
    return loads


def test_rates_of_a_key_are_shared_out(four: Four) -> None:
    """A worker admits its quarter of ten requests a minute, rounded down, and of the tokens; the
    refusal says that it is one of several."""
    for pid in four.pids():
        assert four.at(pid, four.bearers["rate"], times=3) == [200, 200, 429]
        # A worker has 60 tokens: a request may take 53, and takes 39.
        statuses = four.at(pid, four.bearers["tokens"], times=3)
        assert statuses == [200, 429, 429]
    _, refused = four.whole(four.bearers["rate"])
    assert "2 requests per minute at each of 4 gateway processes" in refused["error"]["message"]


def test_killed_under_load(start: Start, engine: FakeEngine) -> None:
    """The streams of the killed worker break, no other, and another takes its place."""
    gateway = start(workers=2, MMHIE_MAX_INFLIGHT="48")
    engine.next(fault="gated", times=24)
    streams = [Stream(gateway) for _ in range(24)]
    victim = max(gateway.pids(), key=lambda pid: len(ports_of(pid)))
    theirs = ports_of(victim)
    os.kill(victim, signal.SIGKILL)
    engine.release(24 * len(streams))
    for stream in streams:
        stream.finish()

    lost = {stream.port for stream in streams if not stream.is_whole}
    assert lost
    assert lost == theirs & {stream.port for stream in streams}
    assert [asked.result() for asked in begin_together(24, gateway.ask)] == [200] * 24
    until(lambda: len(gateway.pids() - {victim}) == 2)
    until(lambda: gateway.metric("mmhie_inflight_requests") == 0)
    until(lambda: gateway.metric("mmhie_workers_lost") == 1)
    until(lambda: "a worker has died" in gateway.log)


@pytest.mark.parametrize("number", [signal.SIGSTOP, signal.SIGTERM])
def test_a_worker_that_hangs_or_is_told_to_go(start: Start, number: signal.Signals) -> None:
    """One that is stopped is killed, one with SIGTERM drains; another takes its place."""
    gateway = start(workers=2)
    victim = min(gateway.pids())
    os.kill(victim, number)
    until(lambda: victim not in gateway.pids() and len(gateway.pids()) == 2)

    assert gateway.answers("/readyz")
    assert ("a worker has died" in gateway.log) == (number == signal.SIGSTOP)


def test_a_port_that_is_taken(start: Start, engine: FakeEngine, tmp_path: Path) -> None:
    """A second gateway of workers on one port ends with code 2 and a sentence."""
    port = str(start(workers=2).port)
    folder = tmp_path / "second"
    folder.mkdir()
    second = Several(folder, engine.url, MMHIE_WORKERS="2", MMHIE_PORT=port)

    assert second.exit_code() == 2
    assert f"MMHIE_PORT {port} is used by another program" in second.log
    second.client.close()


def test_the_supervisor_is_killed(start: Start, tmp_path: Path, engine: FakeEngine) -> None:
    """Its workers finish what they have and go, so that the port is free for the next start."""
    gateway = start(workers=2)
    engine.options(token_delay=0.05)
    stream, workers = Stream(gateway), gateway.pids()
    os.kill(gateway.child.pid, signal.SIGKILL)
    gateway.exit_code()
    stream.finish()

    assert stream.is_whole
    until(lambda: not any(map(psutil.pid_exists, workers)))


def test_a_terminal_stops_it_once(start: Start, engine: FakeEngine) -> None:
    """Ctrl-C reaches supervisor and workers: it is one wish to drain, not two to go at once."""
    gateway = start(workers=2)
    engine.options(token_delay=0.05)
    stream = Stream(gateway)
    for pid in (*gateway.pids(), gateway.child.pid):
        os.kill(pid, signal.SIGINT)
    stream.finish()

    assert stream.is_whole
    assert gateway.exit_code() == 0


def test_a_worker_that_cannot_start(start: Start, tmp_path: Path) -> None:
    """A slip in a file keeps a dead worker's successor from starting: the others serve on, and one
    starts once the file is right."""
    file = tmp_path / "keys.json"
    key = bearer(add_key(file, "ward-7", "generate"))
    gateway, right = start(MMHIE_KEYS_FILE=str(file)), file.read_bytes()
    assert [gateway.at(pid, key) for pid in gateway.pids()] == [[200], [200]]
    file.write_text("a slip")
    os.kill(min(gateway.pids()), signal.SIGKILL)
    until(lambda: "gateway: MMHIE_KEYS_FILE" in gateway.log)

    assert gateway.ask(key) == 200
    file.write_bytes(right)
    until(lambda: gateway.log.count("a worker is ready") == 3)
