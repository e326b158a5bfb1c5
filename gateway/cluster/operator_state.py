"""Operator state of all gateways: the hold in force, and the keys that are revoked.

Redis may lose its data. So missing data changes nothing: a release is an entry of its own, a
revoked key stays revoked, and each gateway writes back what Redis has lost.
"""

import asyncio
import contextlib
import json
import os
import secrets
import socket
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import orjson

from gateway.cluster import RedisUnavailable
from gateway.cluster.lua import script
from gateway.hold.hold import UNREADABLE, Hold
from gateway.runtime.log import log
from gateway.settings.gateway import GatewaySettings

if TYPE_CHECKING:
    from gateway.cluster.redis_store import Command, Reply, Send

SEEN_MS = 15_000  # after this time without a report a process is forgotten
LIVE_MS = 4_000  # after this time it is `silent`; it reports every second
SILENT = "silent"
PREFIX = "mmhie"  # services that share a server use a database each: redis://host/1
HOLD_KEY, REVOKED_KEY, GATEWAYS_KEY = (f"{PREFIX}:{n}" for n in ("hold", "revoked", "gateways"))
REVISION_KEY = f"{PREFIX}:revision"  # changes with every command of an operator
COMMAND_TIMEOUT_S = 5.0
HOST = socket.gethostname()

SET_HOLD = script("set_hold")
RESTORE_HOLD = script("restore_hold")


@dataclass(frozen=True, slots=True)
class HoldEntry:
    """The last hold or release; `at` in milliseconds, 0 when there was none yet."""

    at: int = 0
    hold: Hold | None = None


def set_hold(hold: Hold | None) -> "Command":
    """Return the command that holds or releases all gateways; it replies the hold before."""
    return ("EVAL", SET_HOLD, 2, HOLD_KEY, REVISION_KEY, encode(hold), new_revision())


def report_phase(process: str, phase: str) -> "list[Command]":
    """Return the commands by which a process of a gateway reports its phase."""
    return [("SET", phase_key(process), phase, "PX", SEEN_MS), ("SADD", GATEWAYS_KEY, process)]


def revoke_keys(digests: Iterable[str]) -> "list[Command]":
    """Return the commands that revoke keys for all gateways, by their SHA-256."""
    return [("SADD", REVOKED_KEY, *digests), ("SET", REVISION_KEY, new_revision())]


def phase_key(process: str) -> str:
    return f"{GATEWAYS_KEY}:{process}"


class OperatorState:
    """This process's copy of the state; it is read again when the revision in Redis changes."""

    def __init__(self, port: int = 0) -> None:
        self.process = f"{HOST}:{port}/{os.getpid()}"
        self.revoked: set[str] = set()  # digests of keys; grows in place
        self.is_synced = False  # read at least once
        self._entry = HoldEntry()
        self._revision: bytes | None = None

    @property
    def hold(self) -> Hold | None:
        return self._entry.hold

    async def sync(self, send: "Send", *, fresh: bool) -> None:
        """Report the phase, and read the state if it has changed. A read-only Redis is an error."""
        *_, revision = await send([*self._report(), ("GET", REVISION_KEY)])
        if fresh or revision is None or revision != self._revision:
            await self._read(send, revision)

    async def _read(self, send: "Send", revision: bytes | None) -> None:
        row, members = await send([("HMGET", HOLD_KEY, "at", "hold"), ("SMEMBERS", REVOKED_KEY)])
        entry, revoked = parse_entry(row), parse_members(members)
        missing = self.revoked - revoked
        self.revoked |= revoked
        is_older = entry.at < self._entry.at
        if not is_older and entry != self._entry:
            self._adopt(entry)
            await send(self._report())  # `mmhie hold` waits for it
        if missing or is_older or revision is None:
            await send(self._restore(missing))
        self._revision = revision  # it was read first: a later change is read again
        self.is_synced = True

    def _adopt(self, entry: HoldEntry) -> None:
        if bool(entry.hold) != bool(self._entry.hold):
            log.warning("held for all gateways" if entry.hold else "released for all gateways")
        self._entry = entry

    def report_end(self) -> "Command":
        return ("SET", phase_key(self.process), "gone", "PX", 1)

    def _report(self) -> "list[Command]":
        return report_phase(self.process, "held" if self.hold else "ready")

    def _restore(self, digests: Iterable[str]) -> "list[Command]":
        entry = self._entry
        commands: list[Command] = [("SET", REVISION_KEY, new_revision())]
        if entry.at:
            hold = encode(entry.hold)
            commands.insert(0, ("EVAL", RESTORE_HOLD, 1, HOLD_KEY, entry.at, hold))
        if digests:
            commands.insert(0, ("SADD", REVOKED_KEY, *digests))
        return commands


def hold_all(settings: GatewaySettings, hold: Hold | None) -> Hold | None:
    """Hold all gateways, or release them with None; return the hold before.

    Like the other commands it does nothing without Redis, and raises RedisUnavailable.
    """
    if settings.redis_url is None:
        return None
    (before,) = execute(settings, [set_hold(hold)])
    return parse_entry((b"0", before)).hold if before is not None else None


def read_shared_phases(settings: GatewaySettings) -> Mapping[str, frozenset[str]]:
    """Return the last phases of each gateway's processes, by `host:port`: `ready`, `held`, or
    `silent` if none has reported for some seconds, since it was killed or cannot reach Redis."""
    if settings.redis_url is None:
        return {}
    phases: dict[str, set[str]] = {}
    for process, phase in read_reports(settings).items():
        phases.setdefault(process.rpartition("/")[0], set()).add(phase)
    # A gateway that has restarted isn't silent.
    return {gateway: frozenset(phase - {SILENT} or phase) for gateway, phase in phases.items()}


def read_reports(settings: GatewaySettings) -> Mapping[str, str]:
    """Return the phase of each process that has reported lately; the others are removed."""
    (members,) = execute(settings, [("SMEMBERS", GATEWAYS_KEY)])
    processes = sorted(parse_members(members))
    commands = [(word, phase_key(process)) for process in processes for word in ("GET", "PTTL")]
    replies = execute(settings, commands) if commands else []
    reports = dict(zip(processes, zip(replies[::2], replies[1::2], strict=True), strict=True))
    if gone := [process for process, (phase, _) in reports.items() if phase is None]:
        with contextlib.suppress(RedisUnavailable):  # not permitted to every account
            execute(settings, [("SREM", GATEWAYS_KEY, *gone)])
    return {
        process: phase.decode() if left_ms > SEEN_MS - LIVE_MS else SILENT
        for process, (phase, left_ms) in reports.items()
        if process not in gone
    }


def revoke_everywhere(settings: GatewaySettings, digests: Sequence[str]) -> None:
    if settings.redis_url is not None and digests:
        execute(settings, revoke_keys(digests))


def read_revoked(settings: GatewaySettings) -> frozenset[str]:
    """Return the SHA-256 of every key that was revoked for all gateways."""
    if settings.redis_url is None:
        return frozenset()
    (members,) = execute(settings, [("SMEMBERS", REVOKED_KEY)])
    return frozenset(parse_members(members))


def execute(settings: GatewaySettings, commands: "Sequence[Command]") -> "list[Reply]":
    from gateway.cluster.redis_store import RedisAddress, execute_once

    return asyncio.run(execute_once(RedisAddress.of(settings), COMMAND_TIMEOUT_S, commands))


def new_revision() -> str:
    return secrets.token_hex(8)


def encode(hold: Hold | None) -> str:
    return json.dumps(hold and asdict(hold), ensure_ascii=False)


def parse_members(members: "Reply") -> set[str]:
    """Return the members of a set; empty if another program has stored something else."""
    texts = members if isinstance(members, list) else []
    return {text.decode(errors="replace") for text in texts if isinstance(text, bytes)}


def parse_entry(row: Sequence[bytes | None]) -> HoldEntry:
    """Return an entry. An unreadable one counts as a hold, the safe reading."""
    at, hold = row
    if at is None and hold is None:
        return HoldEntry()
    try:
        fields = orjson.loads(hold or b"")
        return HoldEntry(int(at or 0), None if fields is None else Hold.of(fields))
    except (ValueError, KeyError, TypeError):
        return HoldEntry(0, UNREADABLE)
