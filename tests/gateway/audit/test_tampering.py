"""A trail that changes under a running gateway: it is noticed, told and recorded."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.audit import chain, checkpoint
from gateway.audit.chain import ChainHead
from gateway.audit.file import AuditFile, ChainBroken
from gateway.audit.verify import verify
from tests.contract.fixtures import Start
from tests.contract.surfaces import SURFACES
from tests.gateway.audit.conftest import KEY, Append, Open, lines, record, records, requests_in
from tests.waiting import until

JSON = SURFACES[0]
Seen = Callable[..., tuple[AuditFile, list[str]]]


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


DEEDS: dict[str, Callable[[Path], None]] = {
    "vanished": Path.unlink,
    "shrunk": cut,
    "rewritten": rewrite,
}


@pytest.mark.parametrize("what", DEEDS)
def test_a_running_gateway_notices(start_audited: Start, path: Path, what: str) -> None:
    """Without a request: log, metric, /healthz, and where it can be written an event."""
    gateway = start_audited().wait()
    for _ in range(3):
        assert JSON.ask(gateway.client).status_code == 200
    until(lambda: len(requests_in(path)) == 3)
    last = lines(path)[-1]
    assert "mmhie_audit_tampered 0.0" in gateway.client.get("/metrics").text
    DEEDS[what](path)

    is_not_there = f"line {last['seq']} is not where it was written"
    until(lambda: f"the audit trail was tampered with: {is_not_there}" in gateway.log)
    until(lambda: "mmhie_audit_tampered 1.0" in gateway.client.get("/metrics").text)
    assert "tampered" in str(gateway.client.get("/healthz").json()["warnings"])
    if what == "rewritten":  # the chain is broken, and nothing is written after it
        assert JSON.ask(gateway.client).status_code == 503
        return
    (told,) = [line for line in lines(path) if line["kind"] == "tampered"]
    assert (told["what"], told["known_seq"], told["known_mac"]) == (
        is_not_there,
        last["seq"],
        last["mac"],
    )
    gateway.stop()
    assert "rewritten" in {finding.kind for finding in verify(path, key=KEY).findings}


@pytest.fixture
def seen(open_file: Open) -> Seen:
    """A trail that tells what it notices."""

    def begin(**options: int) -> tuple[AuditFile, list[str]]:
        file, noticed = open_file(**options), list[str]()
        file.on_tampering = noticed.append
        return file, noticed

    return begin


def test_rotations_and_other_writers_are_no_tampering(
    open_file: Open, seen: Seen, path: Path
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

    assert noticed == []
    assert not verify(path, key=KEY, archived=True).findings


@pytest.mark.parametrize("first", [{"kind": "rotation"}, {"kind": "request"}])
def test_only_a_later_rotation_explains_another_file(
    append: Append, seen: Seen, path: Path, first: dict[str, object]
) -> None:
    """Neither an older rotated file, nor one that begins with something else."""
    file, noticed = seen()
    file.append(records(1, 2))
    path.unlink()
    append([first], records(2))
    file.look()

    assert noticed == ["line 2 is not where it was written"]


def test_a_forged_rotation_explains_nothing(seen: Seen, path: Path) -> None:
    """It was not written with the key."""
    file, noticed = seen()
    file.append(records(1))
    forged = chain.signed_line({"kind": "rotation"}, ChainHead(8, ""), chain.new_mac("another"))[0]
    path.unlink()
    path.write_bytes(forged)
    with pytest.raises(ChainBroken):
        file.look()

    assert noticed == ["line 1 is not where it was written"]


def test_an_older_copy_is_noticed(append: Append, seen: Seen, path: Path) -> None:
    """Rolled back, and grown again to more than it had been."""
    file, noticed = seen()
    file.append(records(1))
    before = path.read_bytes()
    file.append(records(2))
    path.write_bytes(before)
    append(records(*range(3, 9)))
    file.look()

    assert noticed == ["line 2 is not where it was written"]
    assert [line["kind"] for line in lines(path)][-1] == "tampered"


def test_a_trail_that_is_cut_is_found_elsewhere(start_audited: Start, path: Path) -> None:
    """The checkpoints in the log prove that lines are missing; the last comes with the stop."""
    gateway = start_audited().wait()
    assert SURFACES[0].ask(gateway.client).status_code == 200
    assert gateway.stop() == 0
    known = checkpoint.read(str(gateway.log_file))

    assert known[-1] == verify(path, key=KEY, checkpoints=known).head
    assert not verify(path, key=KEY, checkpoints=known).findings
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-2]))
    (finding,) = verify(path, key=KEY, checkpoints=known).findings
    assert finding.kind == "cut"
