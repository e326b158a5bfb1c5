"""Checkpoints: the head of a trail's chain, stored outside of it.

Where the gateway has a signing key, a checkpoint is signed as the labels of answers are.
"""

import re
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from gateway.audit.chain import ChainHead
from gateway.record import rfc3339

if TYPE_CHECKING:
    from gateway.safety.signatures import PublicKeys, SigningKey

EVENT = "audit_checkpoint"
BEYOND = 10**18  # no line of a chain has a number of so many digits
WRITTEN = re.compile(r"(\d+):([0-9a-f]{64})")


class NotSigned(Exception):
    """A checkpoint has a signature that does not fit; the message says which."""


def payload_of(file: str, head: ChainHead) -> bytes:
    """Return what the signature of a checkpoint covers: JSON with sorted keys, no spaces."""
    facts = {"event": EVENT, "file": file, "mac": head.mac, "seq": head.seq}
    return orjson.dumps(facts, option=orjson.OPT_SORT_KEYS)


def line_of(file: str, head: ChainHead, signing: "SigningKey | None") -> str:
    """Return a checkpoint as a line for standard output."""
    facts = {"file": file, "seq": head.seq, "mac": head.mac}
    line = {"time": rfc3339(time.time()), "event": EVENT, **facts}
    if signing is not None:
        line["signature"] = signing.sign(payload_of(file, head))
    return orjson.dumps(line).decode() + "\n"


def read(text: str, keys: "PublicKeys | None" = None) -> list[ChainHead]:
    """Parse `seq:mac`, or find the checkpoints in a log file. With keys, those without a signature
    do not count. Raise ValueError if there is none, NotSigned or OSError."""
    if keys is None and (written := WRITTEN.fullmatch(text.strip())):
        return [ChainHead(int(written[1]), written[2])]
    heads = list(heads_in(Path(text).read_bytes().splitlines(), keys))
    if not heads:
        raise ValueError("there is no checkpoint in it")
    return heads


def heads_in(lines: Iterable[bytes], keys: "PublicKeys | None") -> Iterator[ChainHead]:
    """Yield the checkpoints in log lines, whatever a log collector put before them."""
    for line in lines:
        try:
            fields = orjson.loads(line[line.index(b"{") :])
            head = ChainHead(int(fields["seq"]), str(fields["mac"]), str(fields.get("file", "")))
        except (KeyError, TypeError, ValueError):
            continue
        if fields.get("event") != EVENT or not 0 <= head.seq < BEYOND:
            continue
        if keys is None:
            yield head
        elif "signature" in fields:
            require_signature(str(fields["signature"]), head, keys)
            yield head


def require_signature(signature: str, head: ChainHead, keys: "PublicKeys") -> None:
    """Raise NotSigned unless a signature is of this checkpoint."""
    from gateway.safety.signatures import SignatureInvalid

    try:
        keys.verify(signature, payload_of(head.file, head))
    except SignatureInvalid:
        raise NotSigned(
            f"The checkpoint of line {head.seq} was changed, or was signed with another key."
        ) from None
