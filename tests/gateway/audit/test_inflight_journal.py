"""Requests in flight when a process is killed are found by another, and no others."""

import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest

from gateway.audit.entry import LONGEST_NAME, opened
from gateway.audit.inflight_journal import (
    LENGTH,
    SLOT_BYTES,
    SLOTS,
    DeadJournal,
    InflightJournal,
)
from gateway.audit.patient_seal import PatientSeal
from gateway.audit.pseudonyms import Pseudonyms
from gateway.audit.trail import ADOPT_EVERY_S
from gateway.audit.verify import verify
from gateway.principal import PURPOSES, CareContext, Principal
from gateway.record import NO_SLOT, RequestRecord
from gateway.safety.wording import built_in
from tests.contract.fixtures import Start
from tests.contract.process import ROOT
from tests.contract.surfaces import SURFACES
from tests.fake_engine.process import FakeEngine
from tests.gateway.audit.conftest import KEY, Append, lines, trail_settings
from tests.waiting import PATIENCE_S, until

ENTERS_AND_DIES = """
import os, sys, pathlib
from gateway.audit.inflight_journal import InflightJournal
journal = InflightJournal(pathlib.Path(sys.argv[1]), sys.argv[2])
slots = [journal.enter({"request_id": str(number)}) for number in range(4)]
journal.leave(slots[1])
os.kill(os.getpid(), 9)
"""


def die(path: Path) -> Path:
    """Return the journal of a process that was killed with three requests open."""
    command = [sys.executable, "-c", ENTERS_AND_DIES, str(path), KEY]
    subprocess.run(command, cwd=ROOT, check=False)
    (journal,) = path.parent.glob("*.open-*")
    return journal


def test_a_forged_journal_stops_no_start(start_audited: Start, path: Path) -> None:
    """The genuine entries beside the forged one have their lines; log, metric and trail say it, and
    the file stays as evidence."""
    dead = die(path)
    content = bytearray(dead.read_bytes())
    content[SLOT_BYTES : SLOT_BYTES + LENGTH.size + 6] = LENGTH.pack(6) + b"[1,2]\n"
    dead.write_bytes(content)
    os.mkfifo(path.with_name("audit.jsonl.open-pipe"))
    Path(os.fsdecode(os.fsencode(path) + b".open-\xff")).write_bytes(content)
    path.with_name("audit.jsonl.\N{SUPERSCRIPT TWO}").touch()
    gateway = start_audited().wait()
    metrics = gateway.client.get("/metrics").text
    gateway.stop()
    (told,) = [line for line in lines(path) if line["kind"] == "tampered"]

    ids = [line["request_id"] for line in lines(path) if line["kind"] == "unfinished"]
    assert ids == ["0", "2", "3"]
    assert told["what"] == f"1 forged entries in {dead.name}"
    assert f"the audit trail was tampered with: {told['what']}" in gateway.log
    assert "mmhie_audit_tampered 1.0" in metrics
    assert len(list(path.parent.glob("audit.jsonl.forged-*"))) == 1


def test_a_journal_that_cannot_be_moved_stops_nothing(start_audited: Start, path: Path) -> None:
    """Its forged entries are recorded once, and requests are served."""
    path.with_name("audit.jsonl.forged-x").mkdir()
    gateway = start_audited().wait()
    forged = LENGTH.pack(6) + b"[1,2]\n" + bytes(SLOT_BYTES)
    path.with_name("audit.jsonl.open-x").write_bytes(forged)
    until(lambda: "a journal beside the audit trail stays there: Is a directory" in gateway.log)
    time.sleep(ADOPT_EVERY_S + 1)

    assert SURFACES[0].ask(gateway.client).status_code == 200
    assert "cannot be written" not in gateway.log
    assert len([line for line in lines(path) if line["kind"] == "tampered"]) == 1


def test_slots_are_taken_again_and_run_out(path: Path) -> None:
    """A request too many, or too long, has none; it is served all the same."""
    journal = InflightJournal(path, KEY)
    assert journal.enter({"request_id": "x" * SLOT_BYTES}) == NO_SLOT
    taken = [journal.enter({"request_id": "x"}) for _ in range(SLOTS)]
    assert NO_SLOT not in taken
    assert journal.enter({"request_id": "x"}) == NO_SLOT
    journal.leave(taken[7])
    assert journal.enter({"request_id": "x"}) == taken[7]
    journal.leave(NO_SLOT)
    journal.close()


def test_the_longest_request_fits(path: Path) -> None:
    """No caller evades the journal by a long id, nor by a name in another script."""
    name = "\N{CJK UNIFIED IDEOGRAPH-4E00}\N{GRINNING FACE}" * LONGEST_NAME
    record = RequestRecord("x" * 128, "POST", "2001:db8:" + "ffff:" * 6, is_audited=True)
    record.own_id = "0" * 32
    care = CareContext(name, "\N{GRINNING FACE}" * 255, tuple(PURPOSES))
    record.principal = Principal(name, "jwt", frozenset(), care=care)
    record.notices = [{"id": topic} for topic in built_in("en").notices]
    record.notice_rules = "0" * 12
    journal = InflightJournal(path, KEY)
    names = replace(Pseudonyms.of(KEY), seal=PatientSeal(KEY))
    entry = opened(record, "/v1/chat/completions", 0.0, names)

    assert journal.enter(entry) != NO_SLOT
    journal.close()


@pytest.mark.parametrize("change", [b'"kind"', b'"kind" '])
def test_a_line_that_was_written_is_not_lost(append: Append, path: Path, change: bytes) -> None:
    """The kill came between line and journal; only a genuine line accounts for a request."""
    lost = [{"request_id": "r-1"}, {"request_id": "r-2"}]
    append([{"request_id": "r-1", "kind": "request"}])
    path.write_bytes(b"[1,2]\n" + path.read_bytes().replace(b'"kind"', change) + b"torn")
    journal = DeadJournal(path.with_name(f"{path.name}.open-x"), lost, 0)

    left = journal.without_lines(path.with_name("other.jsonl"), KEY)
    assert len(left) == (1 if change == b'"kind"' else 2)


class Killed:
    """A gateway that is killed with answers given and answers open, and begun again."""

    def __init__(self, begin: Start, engine: FakeEngine, path: Path) -> None:
        self.begin, self.engine, self.trail = begin, engine, path
        self.gateway = begin().wait()

    def leave_open(self, ids: list[str]) -> None:
        self.engine.next(fault="hang_midstream", path="/v1/completions", times=len(ids))
        self.hanging = [
            threading.Thread(target=ask, args=(self.gateway.url, SURFACES[5], name)) for name in ids
        ]
        for thread in self.hanging:
            thread.start()
        self.engine.until(lambda stats: stats["running"] == len(ids))

    def lines_after_it(self) -> list[dict[str, Any]]:
        """Kill it now, in the middle of a line: those of requests after the next start and stop."""
        self.gateway.signal(signal.SIGKILL)
        self.gateway.exit_code()
        with self.trail.open("ab") as file:
            file.write(b'{"seq":99,"pr')
        for thread in self.hanging:
            thread.join()
        self.begin().wait().stop()
        return [line for line in lines(self.trail) if "request_id" in line]


def test_nothing_that_was_answered_is_lost(
    start_audited: Start, engine: FakeEngine, path: Path
) -> None:
    """SIGKILL with answers just given and answers open: at the next start each of them has its
    line, as what it came to or as unfinished, once."""
    killed = Killed(start_audited, engine, path)
    left, given = [f"open-{n}" for n in range(3)], [f"done-{n}" for n in range(5)]
    killed.leave_open(left)
    assert [ask(killed.gateway.url, SURFACES[0], name) for name in given] == [200] * 5
    told = killed.lines_after_it()
    unfinished = [line for line in told if line["kind"] == "unfinished"]

    assert sorted(line["caller_request_id"] for line in told) == [*given, *left]
    assert {line["caller_request_id"] for line in unfinished} >= set(left)
    assert all(line["client"] and line["since"] and line["route"] for line in unfinished)
    kinds = [line["kind"] for line in lines(path) if line["kind"] in ("start", "repair", "stop")]
    assert kinds == ["start", "repair", "start", "stop"]
    assert not verify(path, key=KEY).findings
    assert not list(path.parent.glob("*.open-*")), os.listdir(path.parent)


def test_an_id_that_is_used_for_all_hides_none(
    start_audited: Start, engine: FakeEngine, path: Path
) -> None:
    """Three requests under one id: each has its line, under an id of its own."""
    killed = Killed(start_audited, engine, path)
    killed.leave_open(["same", "same"])
    assert ask(killed.gateway.url, SURFACES[0], "same") == 200
    until(lambda: b"caller_request_id" in path.read_bytes())
    told = killed.lines_after_it()

    assert [line["kind"] for line in told] == ["request", "unfinished", "unfinished"]
    assert {line["caller_request_id"] for line in told} == {"same"}
    assert len({line["request_id"] for line in told}) == 3


def test_a_living_gateway_adopts(start: Start, engine: FakeEngine, path: Path) -> None:
    """Each pod writes a file of its own: what one leaves that never comes back is not lost."""
    pods = [path.with_name(f"pod-{number}.jsonl") for number in (1, 2)]
    living, dying = (start(engine.url, **trail_settings(pod)).wait() for pod in pods)
    killed = Killed(lambda: dying, engine, pods[1])
    killed.leave_open(["open-1", "open-2"])
    dying.signal(signal.SIGKILL)
    until(lambda: b"unfinished" in pods[0].read_bytes())
    living.stop()
    ids = [line["caller_request_id"] for line in lines(pods[0]) if line["kind"] == "unfinished"]

    assert sorted(ids) == ["open-1", "open-2"]
    assert not list(path.parent.glob("*.open-*"))


def ask(url: str, surface: Any, request_id: str) -> int:
    """The status, or 0 when the connection broke."""
    headers = {**surface.headers, "x-request-id": request_id}
    try:
        with httpx2.Client(base_url=url, trust_env=False, timeout=PATIENCE_S) as client:
            return client.post(surface.path, json=surface.body(), headers=headers).status_code
    except httpx2.TransportError:
        return 0
