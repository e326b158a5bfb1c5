"""What is written of one request: who, when, what model, digests, counts, outcome; no text."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from gateway.http.exchange import Exchange
from gateway.principal import Principal
from gateway.timestamps import rfc3339

# What the routes note of a request that an auditor asks for.
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
    """One request as the hot path leaves it; the writer's thread makes a record of it."""

    time: float
    request_id: str
    client: Principal
    address: str | None
    route: str
    status: int
    outcome: str
    ms: float
    facts: Mapping[str, Any]
    slot: int


def of(exchange: Exchange, route: str, now: float) -> Entry:
    """What an exchange has come to at its end; `route` is a path of ours."""
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
    """What is known of a request when its answer is begun."""
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
    """An entry as it is written. The name of a key or the subject of a token, never the token."""
    return {
        "time": rfc3339(entry.time),
        "kind": "request",
        "request_id": entry.request_id,
        "client": entry.client.name,
        "auth": entry.client.kind,
        "address": entry.address,
        "route": entry.route,
        "status": entry.status,
        "outcome": entry.outcome,
        "ms": entry.ms,
        **{name: entry.facts[name] for name in FACTS if name in entry.facts},
    }


def records(entries: Sequence[Entry]) -> list[dict[str, Any]]:
    """A batch as it is written. Of callers without a good key, one a batch is written and the
    rest are counted: else anybody could fill the disk."""
    strangers = [entry for entry in entries if is_strangers(entry)]
    written = [record(entry) for entry in entries if not is_strangers(entry)]
    if strangers:
        more = {"more_like_this": len(strangers) - 1} if len(strangers) > 1 else {}
        written.append({**record(strangers[-1]), "client": None, "auth": None, **more})
    return written


def is_strangers(entry: Entry) -> bool:
    """Whether nobody was let in: no good key, or a method for which none is asked."""
    return entry.outcome == "unauthorized" or (
        entry.outcome == "method_not_allowed" and entry.client.kind == "open"
    )
