"""Audit records of requests: caller, time, model, digests, counts, outcome; no text."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from gateway.http.exchange import Exchange
from gateway.principal import Principal
from gateway.timestamps import rfc3339

# The facts of a request that an auditor asks for.
FACTS = (
    "model",
    "revision",
    "prompt_digest",
    "output_digests",
    "prompt_tokens",
    "completion_tokens",
    "stream",
    "truncated",
    "notices",
)
LONGEST_NAME = 64  # of a client, where room is short


class Entry(NamedTuple):
    """A finished request on the hot path; the writer's thread makes a record of it."""

    time: float
    request_id: str
    principal: Principal
    address: str | None
    route: str
    status: int
    outcome: str
    ms: float
    facts: Mapping[str, Any]
    slot: int


def of(exchange: Exchange, route: str, now: float) -> Entry:
    """Return the entry of a finished exchange; `route` is a declared path."""
    address = exchange.scope.get("client")
    return Entry(
        now,
        exchange.request_id,
        exchange.client,
        address[0] if address else None,
        route,
        exchange.status,
        exchange.outcome,
        exchange.elapsed_ms(),
        exchange.facts,
        exchange.slot,
    )


def opened(exchange: Exchange, now: float) -> dict[str, Any]:
    """Return the journal's record of a request whose answer begins."""
    address = exchange.scope.get("client")
    return {
        "since": rfc3339(now),
        "request_id": exchange.request_id,
        "client": exchange.client.name[:LONGEST_NAME],
        "auth": exchange.client.kind,
        "address": address[0] if address else None,
        "route": exchange.scope["path"],
    }


def record(entry: Entry) -> dict[str, Any]:
    """Return the record of an entry, with a key's name or a token's subject, never the token."""
    return {
        "time": rfc3339(entry.time),
        "kind": "request",
        "request_id": entry.request_id,
        "client": entry.principal.name,
        "auth": entry.principal.kind,
        "address": entry.address,
        "route": entry.route,
        "status": entry.status,
        "outcome": entry.outcome,
        "ms": entry.ms,
        **{name: entry.facts[name] for name in FACTS if name in entry.facts},
    }


def records(entries: Sequence[Entry]) -> list[dict[str, Any]]:
    """Return the records of a batch. Of callers without a valid key, one per batch is recorded and
    the rest are counted: else anybody could fill the disk."""
    unauthenticated = [entry for entry in entries if is_unauthenticated(entry)]
    written = [record(entry) for entry in entries if not is_unauthenticated(entry)]
    if unauthenticated:
        more = {"more_like_this": len(unauthenticated) - 1} if len(unauthenticated) > 1 else {}
        written.append({**record(unauthenticated[-1]), "client": None, "auth": None, **more})
    return written


def is_unauthenticated(entry: Entry) -> bool:
    """Return whether the caller is unknown: no valid key, or a method that needs none."""
    return entry.outcome == "unauthorized" or (
        entry.outcome == "method_not_allowed" and entry.principal.kind == "open"
    )
