"""Files on the disk: audit trails, checkpoints, key files, status files."""

import contextlib
import tempfile
from pathlib import Path

from gateway.audit import chain
from gateway.audit.fhir.audit_event import audit_event
from gateway.audit.verify import Verifier, checkpoint_in
from gateway.auth import keys
from gateway.auth.jwks import parse
from gateway.engine.watch import parse_models, read_status_file
from gateway.errors import EngineUnavailable
from gateway.runtime.files import FileUnusable

MAC = chain.new_mac("k" * 32)
FILE = Path(tempfile.mkdtemp(prefix="fuzz-")) / "file"


def trails(data: bytes) -> None:
    """Any bytes as a trail: findings, and never a clean bill for a line that nobody sealed."""
    reading = Verifier(MAC)
    lines = data.splitlines(keepends=True)
    for number, line in enumerate(lines, start=1):
        reading.feed(f"trail:{number}", line)
    report = reading.end(archived=True)
    assert report.genuine == 0
    assert bool(report.findings) == bool(lines)
    for line in lines:
        checkpoint_in(line)


def sealed(data: bytes) -> None:
    """A sealed line is itself; with any byte of it changed it is not."""
    text = data.decode(errors="replace")
    line, head = chain.signed_line(
        {"time": "t", "kind": "request", "reason": text}, chain.START, MAC
    )
    sealed_line = chain.parse_line(line[:-1], MAC)
    assert sealed_line is not None
    assert (sealed_line.is_genuine, sealed_line.head) == (True, head)
    audit_event({"request_id": "r", **sealed_line.record})
    at = data[0] * 7 % (len(line) - 1) if data else 0
    broken = line[:at] + bytes([line[at] ^ 1]) + line[at + 1 : -1]
    other = chain.parse_line(broken, MAC)
    assert other is None or not other.is_genuine


def configured(data: bytes) -> None:
    """Files that others may have touched: read, or refused in our own words."""
    FILE.write_bytes(data)
    with contextlib.suppress(FileUnusable):
        keys.read(FILE)
    with contextlib.suppress(FileUnusable):
        parse(data)
    read_status_file(FILE)
    with contextlib.suppress(EngineUnavailable):
        parse_models(data, {})


FILES = {"trails": trails, "sealed": sealed, "configured": configured}
