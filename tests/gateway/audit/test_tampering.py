"""A trail that changes under a running gateway: it is noticed, told and recorded."""

import os
from collections.abc import Callable
from pathlib import Path

import httpx2
import orjson
import pytest

from gateway.audit.file import AuditFile
from gateway.audit.verify import verify
from tests.contract.fixtures import Start
from tests.contract.surfaces import SURFACES
from tests.fake_engine.process import FakeEngine
from tests.gateway.audit.conftest import KEY, Open, lines, record
from tests.waiting import until

JSON = SURFACES[0]


def cut(path: Path) -> None:
    """Cut the last two lines."""
    kept = path.read_bytes().splitlines(keepends=True)[:-2]
    with path.open("r+b") as file:
        file.truncate(sum(map(len, kept)))


def rewrite(path: Path) -> None:
    """Put another MAC in the place of the last one: the size stays."""
    with path.open("r+b") as file:
        file.seek(-40, os.SEEK_END)
        file.write(b"0" * 20)


def replace(path: Path) -> None:
    """Put a copy in its place."""
    copy = path.with_name("copy")
    copy.write_bytes(path.read_bytes())
    copy.rename(path)


DEEDS: dict[str, Callable[[Path], None]] = {
    "vanished": Path.unlink,
    "shrunk": cut,
    "replaced": replace,
    "rewritten": rewrite,
}


@pytest.mark.parametrize("what", DEEDS)
def test_a_running_gateway_notices(
    start: Start, engine: FakeEngine, tmp_path: Path, what: str
) -> None:
    """Without a request: log, metric, /healthz, and where it can be written an event."""
    trail = tmp_path / "audit.jsonl"
    settings = {"MMHIE_AUDIT_FILE": str(trail), "MMHIE_AUDIT_KEY": KEY}
    gateway = start(engine.url, **settings).wait()
    for _ in range(3):
        assert gateway.client.post(JSON.path, json=JSON.body()).status_code == 200
    until(lambda: len([line for line in lines(trail) if line["kind"] == "request"]) == 3)
    last = lines(trail)[-1]
    assert "mmhie_audit_tampered 0.0" in gateway.client.get("/metrics").text
    DEEDS[what](trail)

    until(lambda: f"the audit trail was tampered with: {what}" in gateway.log)
    until(lambda: "mmhie_audit_tampered 1.0" in gateway.client.get("/metrics").text)
    assert "tampered" in str(gateway.client.get("/healthz").json()["warnings"])
    if what == "rewritten":  # the chain is broken, and nothing is written after it
        assert gateway.client.post(JSON.path, json=JSON.body()).status_code == 503
        return
    (told,) = [line for line in lines(trail) if line["kind"] == "tampered"]
    assert (told["what"], told["known_seq"], told["known_mac"]) == (what, last["seq"], last["mac"])
    gateway.stop()
    assert "rewritten" in {finding.kind for finding in verify(trail, key=KEY).findings}


@pytest.fixture
def seen(open_file: Open) -> Callable[..., tuple[AuditFile, list[str]]]:
    """A trail that tells what it notices."""

    def begin(**options: int) -> tuple[AuditFile, list[str]]:
        file, noticed = open_file(**options), list[str]()
        file.on_tampering = noticed.append
        return file, noticed

    return begin


def test_rotations_and_other_writers_are_no_tampering(
    open_file: Open, seen: Callable[..., tuple[AuditFile, list[str]]], path: Path
) -> None:
    """Two processes append, rotate and repair; a rotated file is archived at once."""
    first, noticed = seen(rotate_bytes=1500)
    other = open_file(rotate_bytes=1500)
    for number in range(40):
        (first, other)[number % 3 == 0].append([record(number)])
        first.look()
        if number == 20:
            with path.open("ab") as file:
                file.write(b'{"torn')
        for rotated in path.parent.glob("*.0*") if number % 5 == 0 else ():
            rotated.rename(path.parent / f"archived-{rotated.name}")
    other.close()
    first.close()

    assert noticed == []
    assert not verify(path, key=KEY, archived=True).findings


def test_an_older_copy_is_noticed(
    seen: Callable[..., tuple[AuditFile, list[str]]], path: Path
) -> None:
    """Rolled back, and grown again to more than it had been."""
    file, noticed = seen()
    file.append([record(1)])
    before = path.read_bytes()
    file.append([record(2)])
    path.write_bytes(before)
    other = AuditFile(path, key=KEY, rotate_bytes=10**9, fsync="never")
    other.append([record(number) for number in range(3, 9)])
    file.look()
    other.close()
    file.close()

    assert noticed == ["rewritten"]
    assert [line["kind"] for line in lines(path)][-1] == "tampered"


def test_it_is_told_once(seen: Callable[..., tuple[AuditFile, list[str]]], path: Path) -> None:
    """The trail goes on from what is there."""
    file, noticed = seen()
    file.append([record(1)])
    path.unlink()
    file.append([record(2)])
    file.look()
    file.append([record(3)])
    file.close()

    assert noticed == ["vanished"]
    assert [line["kind"] for line in lines(path)] == ["tampered", "test", "test"]


def test_the_alarm_of_several_workers(start: Start, engine: FakeEngine, tmp_path: Path) -> None:
    """Each of several workers watches the file."""
    trail = tmp_path / "audit.jsonl"
    settings = {"MMHIE_AUDIT_FILE": str(trail), "MMHIE_AUDIT_KEY": KEY, "MMHIE_WORKERS": "2"}
    gateway = start(engine.url, **settings).wait()
    until(lambda: "all workers are ready" in gateway.log)
    trail.unlink()

    until(lambda: gateway.log.count("the audit trail was tampered with") == 2)
    with httpx2.Client(base_url=gateway.url, trust_env=False) as client:
        until(lambda: "mmhie_audit_tampered 1.0" in client.get("/metrics").text)
    assert orjson.loads(trail.read_bytes().splitlines()[0])["kind"] == "tampered"
