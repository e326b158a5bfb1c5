"""Checkpoints: the head of a trail's chain, stored outside of it.

Where the gateway has a signing key, a checkpoint also has C2SP's form as a signed note
(https://c2sp.org/tlog-checkpoint): origin, number of lines, and the MAC of the last one where a log
has the root of its tree.
"""

import base64
import re
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import orjson

from gateway.audit.chain import ChainHead
from gateway.record import rfc3339

if TYPE_CHECKING:
    from gateway.safety.signatures import PublicKeys, SigningKey

WRITTEN = re.compile(r"(\d+):([0-9a-f]{64})")


class NotSigned(Exception):
    """A checkpoint has a signature that does not fit; the message says which."""


def text_of(file: str, head: ChainHead) -> str:
    """Return a checkpoint as the text of a signed note."""
    root = base64.b64encode(bytes.fromhex(head.mac)).decode()
    return f"mmhie/{quote(file, safe='')}\n{head.seq}\n{root}\n"


def line_of(file: str, head: ChainHead, signing: "SigningKey | None") -> str:
    """Return a checkpoint as a line for standard output."""
    facts = {"file": file, "seq": head.seq, "mac": head.mac}
    line = {"time": rfc3339(time.time()), "event": "audit_checkpoint", **facts}
    if signing is not None:
        line["note"] = signing.sign_note(text_of(file, head))
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
        if fields.get("event") != "audit_checkpoint":
            continue
        if keys is None:
            yield head
        elif "note" in fields:
            require_signature(str(fields["note"]), head, keys)
            yield head


def require_signature(note: str, head: ChainHead, keys: "PublicKeys") -> None:
    """Raise NotSigned unless a note with a valid signature is of this checkpoint."""
    from gateway.safety.signatures import SignatureInvalid

    try:
        is_same = keys.verify_note(note) == text_of(head.file, head)
    except (SignatureInvalid, ValueError):
        is_same = False
    if not is_same:
        raise NotSigned(
            f"The checkpoint of line {head.seq} was changed, or was signed with another key."
        )
