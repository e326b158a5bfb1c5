"""Error codes from the tree in gateway/errors.py: the list of docs/limits.md."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from gateway.errors import GatewayError

# What a caller can do, where the gateway's own sentence does not say it.
REMEDIES: Final = {
    "unauthorized": "Send a valid key.",
    "not_found": "Check the address.",
    "no_answer": "A larger max_tokens may help.",
    "unsupported_encoding": "A proxy between client and server may compress it.",
    "headers_too_large": "A token or a cookie may be too long.",
}


def leaves(family: type[GatewayError] = GatewayError) -> list[type[GatewayError]]:
    """Return every error that is raised, ordered by status."""
    return sorted(_leaves(family), key=lambda leaf: leaf.status)


def _leaves(family: type[GatewayError]) -> Iterator[type[GatewayError]]:
    own = [kind for kind in family.__subclasses__() if kind.__module__ == GatewayError.__module__]
    for child in own:
        yield from list(_leaves(child)) or [child]


def _line(leaf: type[GatewayError]) -> str:
    meaning = (leaf.__doc__ or "").strip().partition("\n")[0]
    return f"- {leaf.status} `{leaf.code}`: {meaning} {REMEDIES.get(leaf.code, '')}".strip() + "\n"


BLOCKS: Final = {"errors": lambda: "".join(map(_line, leaves()))}
