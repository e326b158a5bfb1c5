"""Requests in flight when a process is killed are found at the next start, and no others."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import httpx2

from gateway.audit.entry import LONGEST_NAME, opened
from gateway.audit.inflight_journal import SLOT_BYTES, SLOTS, InflightJournal, left_behind
from gateway.audit.pseudonyms import Pseudonyms
from gateway.audit.trail import unfinished
from gateway.audit.verify import verify
from gateway.auth.purposes import PURPOSES
from gateway.principal import CareContext, Principal
from gateway.record import NO_SLOT, RequestRecord
from gateway.safety.wording import built_in
from tests.contract.fixtures import Start
from tests.contract.process import ROOT
from tests.contract.surfaces import SURFACES
from tests.fake_engine.process import FakeEngine
from tests.gateway.audit.conftest import KEY, lines
from tests.waiting import PATIENCE_S, until

ENTERS_AND_DIES = """
import os, sys, pathlib
from gateway.audit.inflight_journal import InflightJournal
register = InflightJournal(pathlib.Path(sys.argv[1]))
slots = [register.enter({"request_id": str(number)}) for number in range(4)]
register.leave(slots[1])
os.kill(os.getpid(), 9)
"""


def test_a_killed_process_leaves_what_was_open(path: Path) -> None:
    """Every request entered and not left, complete."""
    subprocess.run([sys.executable, "-c", ENTERS_AND_DIES, str(path)], cwd=ROOT, check=False)
    ((file, records),) = left_behind(path)

    assert file.name.startswith("audit.jsonl.open-")
    assert [record["request_id"] for record in records] == ["0", "2", "3"]


def test_the_living_are_not_looked_at(path: Path) -> None:
    """Another worker's register is its own; after an orderly end there is none."""
    register = InflightJournal(path)
    register.enter({"request_id": "open"})

    assert list(left_behind(path)) == []
    register.close()
    assert list(path.parent.iterdir()) == []


def test_no_journal_has_the_name_of_another(path: Path) -> None:
    """Numbers of processes repeat: removing the journal of a dead one removes no other."""
    before, living = InflightJournal(path), InflightJournal(path)
    before.close()
    assert living.path.exists()
    living.close()
    assert list(path.parent.iterdir()) == []


def test_slots_are_taken_again_and_run_out(path: Path) -> None:
    """A request too many, or too long, has none; it is served all the same."""
    register = InflightJournal(path)
    assert register.enter({"request_id": "x" * SLOT_BYTES}) == NO_SLOT
    taken = [register.enter({"request_id": "x"}) for _ in range(SLOTS)]
    assert NO_SLOT not in taken
    assert register.enter({"request_id": "x"}) == NO_SLOT
    register.leave(taken[7])
    assert register.enter({"request_id": "x"}) == taken[7]
    register.leave(NO_SLOT)
    register.close()


def test_the_longest_request_fits(path: Path) -> None:
    """No caller evades the journal by a long id, nor by a name in another script."""
    name = "\N{CJK UNIFIED IDEOGRAPH-4E00}\N{GRINNING FACE}" * LONGEST_NAME
    record = RequestRecord("x" * 128, "POST", "2001:db8:" + "ffff:" * 6, is_audited=True)
    record.own_id = "0" * 32
    care = CareContext(name, name, tuple(PURPOSES))
    record.principal = Principal(name, "jwt", frozenset(), care=care)
    record.notices = [{"id": topic} for topic in built_in("en").notices]
    record.notice_rules = "0" * 12
    register = InflightJournal(path)
    entry = opened(record, "/v1/chat/completions", 0.0, Pseudonyms.of(KEY))

    assert register.enter(entry) != NO_SLOT
    register.close()


def test_an_id_that_was_used_before_hides_nothing(path: Path) -> None:
    """Callers choose the id: only a line of the same request accounts for it."""
    request = {"request_id": "same", "address": "10.0.0.7", "host": "one"}
    done = {**request, "kind": "request", "time": "2026-11-25T01:00:00.000Z"}
    path.write_text(f"torn\n{json.dumps(done)}\n")

    def left(since: str) -> list[str]:
        opened = {**request, "since": since}
        return [line["since"] for line in unfinished([(path, [opened])], path)]

    assert left("2026-11-25T00:59:59.000Z") == []
    assert left("2026-11-25T01:00:01.000Z") == ["2026-11-25T01:00:01.000Z"]


def test_a_torn_slot_and_a_torn_file_are_skipped(path: Path) -> None:
    """In any state that a power cut may leave."""
    torn = path.with_name(f"{path.name}.open-1")
    torn.write_bytes(b"\x05\x00{bad}" + bytes(SLOT_BYTES - 7) + b"\xff\xff")

    assert list(left_behind(path)) == [(torn, [])]


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


def ask(url: str, surface: Any, request_id: str) -> int:
    """The status, or 0 when the connection broke."""
    headers = {**surface.headers, "x-request-id": request_id}
    try:
        with httpx2.Client(base_url=url, trust_env=False, timeout=PATIENCE_S) as client:
            return client.post(surface.path, json=surface.body(), headers=headers).status_code
    except httpx2.TransportError:
        return 0
