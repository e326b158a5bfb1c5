"""`mmhie audit` and the trail of `mmhie hold`, as an operator uses them."""

import json
from pathlib import Path

import pytest

from gateway.audit.verify import checkpoints_in as checkpoints_of
from launcher.cli import app
from tests.gateway.audit.conftest import KEY, Open, lines, record


class Desk:
    """The command line beside a trail."""

    def __init__(
        self, path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.path = path
        self.monkeypatch = monkeypatch
        self.capsys = capsys
        monkeypatch.chdir(path.parent)
        monkeypatch.setenv("MMHIE_AUDIT_FILE", str(path))
        monkeypatch.setenv("MMHIE_AUDIT_KEY", KEY)
        monkeypatch.setenv("MMHIE_HOLD_FILE", str(path.with_name("hold.json")))

    def run(self, *arguments: str, exit_code: int = 0) -> tuple[str, str]:
        """Return its standard output and standard error."""
        with pytest.raises(SystemExit) as ended:
            app.run(app.application(), arguments)
        out, err = self.capsys.readouterr()
        assert ended.value.code == exit_code, out + err
        return out, err


@pytest.fixture
def desk(path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Desk:
    return Desk(path, monkeypatch, capsys)


@pytest.fixture
def trail(open_file: Open, path: Path) -> Path:
    file = open_file()
    file.append([record(number) | {"time": "2026-11-25T01:46:06.262Z"} for number in range(5)])
    file.close()
    return path


def test_a_good_trail(desk: Desk, trail: Path) -> None:
    """Says how many lines, the last one as a checkpoint, and what it could not check."""
    out, _ = desk.run("audit", "verify")
    last = lines(trail)[-1]

    assert "5 lines are as they were written" in out
    assert f"{last['seq']}:{last['mac']}" in out
    assert "--checkpoint" in out
    assert (
        "--checkpoint"
        not in desk.run("audit", "verify", "--checkpoint", f"{last['seq']}:{last['mac']}")[0]
    )


def test_a_damaged_trail(desk: Desk, trail: Path) -> None:
    """Exit code 1, each finding with its place."""
    whole = trail.read_bytes()
    trail.write_bytes(whole.replace(b'"number":2', b'"number":7'))
    out, err = desk.run("audit", "verify", exit_code=1)
    assert out.startswith("audit.jsonl:3: edited")
    assert "1 finding" in err

    trail.write_bytes(b"".join(whole.splitlines(keepends=True)[:3]))
    log = trail.with_name("gateway.log")
    last = json.loads(whole.splitlines()[-1])
    told = {"event": "audit_checkpoint", "seq": last["seq"], "mac": last["mac"]}
    log.write_text(f"noise\n2026-11-25 gateway-1 {json.dumps(told)}\n{{audit_checkpoint\n")
    out, _ = desk.run("audit", "verify", "--checkpoint", str(log), exit_code=1)
    assert "cut: lines 4 to 5" in out


def test_what_cannot_be(desk: Desk, trail: Path) -> None:
    """One sentence, exit code 2."""
    assert (
        "--checkpoint is neither"
        in desk.run("audit", "verify", "--checkpoint", "none", exit_code=2)[1]
    )
    assert "cannot be read" in desk.run("audit", "verify", "--file", "none", exit_code=2)[1]
    desk.monkeypatch.delenv("MMHIE_AUDIT_FILE")
    assert "must be set" in desk.run("audit", "verify", exit_code=2)[1]


def test_export(desk: Desk, trail: Path) -> None:
    """As it is, or as FHIR; of a damaged trail nothing past the damage."""
    assert desk.run("audit", "export")[0] == trail.read_text()
    resources = [json.loads(line) for line in desk.run("audit", "export", "--fhir")[0].splitlines()]
    assert [one["resourceType"] for one in resources] == ["AuditEvent"] * 5
    trail.write_bytes(trail.read_bytes().replace(b'"number":2', b'"number":7'))
    out, err = desk.run("audit", "export", "--fhir", exit_code=1)
    assert len(out.splitlines()) == 2
    assert "audit.jsonl:3" in err


def test_hold_and_release_are_in_the_trail(desk: Desk, path: Path) -> None:
    """The operator and the reason, in the gateway's own chain."""
    desk.run("hold", "--reason", "odd answers", "--by", "dr.x")
    desk.run("release", "--by", "dr.y")
    desk.run("release")

    told = [(one["kind"], one["by"], one.get("reason")) for one in lines(path)]
    assert told == [("hold", "dr.x", "odd answers"), ("release", "dr.y", None)]
    desk.run("audit", "verify")


def test_a_hold_does_not_wait_for_the_trail(desk: Desk, path: Path) -> None:
    """It is a switch for safety: it works, and says what is missing."""
    path.write_text("damaged\n")
    out, err = desk.run("hold", "--reason", "odd answers")

    assert "out of service" in out
    assert "could not be written to the audit trail" in err
    assert path.with_name("hold.json").exists()


def test_checkpoints_in_a_line() -> None:
    """`seq:mac`, and nothing that only looks like it."""
    assert checkpoints_of(f"12:{'a' * 64}")[0].seq == 12
    with pytest.raises(OSError, match="No such file"):
        checkpoints_of(f"12:{'a' * 63}")
