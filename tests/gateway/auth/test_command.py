"""`mmhie keys` as an operator uses it."""

import io
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from gateway.auth import keys
from gateway.auth.keys import Key, KeyFile
from gateway.cli.command import print_rows
from gateway.cli.keys import make_row
from gateway.principal import PrincipalLimits
from tests.command import Command
from tests.contract.process import ROOT
from tests.waiting import PATIENCE_S

NOBODY = "MMHIE_KEYS_FILE is not set"


class Desk(Command):
    """The command line beside a folder of its own."""

    def __init__(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        super().__init__(monkeypatch, capsys, "keys")
        self.file = folder / "sub" / "keys.json"
        monkeypatch.chdir(folder)
        monkeypatch.setenv("MMHIE_KEYS_FILE", str(self.file))

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """The same in a process of its own."""
        command = [sys.executable, "-c", "from launcher.cli.app import main; main()", "keys"]
        environ = {**os.environ, "PYTHONPATH": str(ROOT)}
        return subprocess.Popen([*command, *arguments], env=environ, stdout=subprocess.DEVNULL)


@pytest.fixture
def desk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Desk:
    return Desk(tmp_path, monkeypatch, capsys)


def test_from_new_to_revoked(desk: Desk) -> None:
    """The key alone is on standard output, once, and works until it is revoked."""
    out, _ = desk.run(
        *("new", "--name", "ward", "--scopes", "generate,metrics", "--priority", "emergency"),
        *("--concurrency", "2", "--requests-per-minute", "30", "--tokens-per-minute", "4000"),
        *("--expires", "90d"),
    )
    secret = out.strip()
    client = KeyFile(desk.file).principal(secret.encode())
    assert client is not None
    assert client.scopes == {"generate", "metrics"}
    assert client.priority == "emergency"
    assert client.expires == pytest.approx(time.time() + 90 * 86_400, abs=60)

    listed, _ = desk.run("list")
    for told in ("ward", "generate,metrics", "2 at once", "30 requests/min", "4000 tokens/min"):
        assert told in listed
    assert "active" in listed
    assert secret not in listed

    desk.run("revoke", "ward")
    assert KeyFile(desk.file).principal(secret.encode()) is None
    assert "revoked" in desk.run("list")[0]
    desk.run("new", "--name", "ward")  # the name is free again


def test_rotation(desk: Desk) -> None:
    """The new key has the rights of the old one, which ends later; both have one name and one
    count, and are revoked together."""
    old, _ = desk.run("new", "--name", "ward", "--scopes", "metrics", "--requests-per-minute", "30")
    new, _ = desk.run("new", "--name", "ward", "--rotate", "24h")
    former, current = (KeyFile(desk.file).principal(key.strip().encode()) for key in (old, new))
    assert former is not None
    assert current is not None
    assert former.expires == pytest.approx(time.time() + 86_400, abs=60)
    assert replace(former, expires=None) == current

    assert (
        "leave their options"
        in desk.run(
            *("new", "--name", "ward", "--rotate", "1h", "--priority", "batch"), exit_code=2
        )[1]
    )
    assert "no active key" in desk.run("new", "--name", "b", "--rotate", "1h", exit_code=2)[1]

    desk.run("revoke", "ward")
    file = KeyFile(desk.file)
    assert [file.principal(key.strip().encode()) for key in (old, new)] == [None, None]


def test_in_production_too(desk: Desk) -> None:
    """The first key is made before there is a file."""
    desk.monkeypatch.setenv("MMHIE_ENV", "production")
    desk.monkeypatch.setenv("MMHIE_WITHOUT_AUDIT", "true")

    desk.run("new", "--name", "first")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--name", "a b"), "letters, digits"),
        (("--name", "a", "--scopes", "root"), "scopes are some of generate, openai"),
        (("--name", "a", "--scopes", ""), "scopes are some of"),
        (("--name", "a", "--priority", "vip"), "priority is one of emergency"),
        (("--name", "a", "--expires", "soon"), "--expires got 'soon'"),
        (("--name", "a", "--expires", "0d"), "--expires got '0d'"),
    ],
)
def test_a_mistake_is_one_sentence(desk: Desk, arguments: tuple[str, ...], said: str) -> None:
    """Exit code 2, and no file is made."""
    _, err = desk.run("new", *arguments, exit_code=2)

    assert said in err
    assert err.count("\n") == 1
    assert not desk.file.exists()


def test_what_cannot_be(desk: Desk) -> None:
    """A name that is taken, one that nobody has, a file that is broken, none configured."""
    desk.run("new", "--name", "a")
    assert "There is a key named a" in desk.run("new", "--name", "a", exit_code=2)[1]
    assert "no active key named b" in desk.run("revoke", "b", exit_code=2)[1]
    desk.file.write_text("[]")
    for command in (("list",), ("new", "--name", "b"), ("revoke", "a")):
        assert "not what `mmhie keys` writes" in desk.run(*command, exit_code=2)[1]
    assert desk.file.read_text() == "[]"
    desk.monkeypatch.delenv("MMHIE_KEYS_FILE")
    assert NOBODY in desk.run("list", exit_code=2)[1]


def test_behind_a_link(desk: Desk) -> None:
    """A key that is revoked by way of a link is revoked for who reads the file itself."""
    secret = desk.run("new", "--name", "a")[0].strip()
    link = desk.file.parent.with_name("link.json")
    link.symlink_to(desk.file)
    desk.monkeypatch.setenv("MMHIE_KEYS_FILE", str(link))
    desk.run("revoke", "a")

    assert link.is_symlink()
    assert KeyFile(desk.file).principal(secret.encode()) is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a file away")
def test_by_root_for_another_user(desk: Desk) -> None:
    """The gateway's user can still read what root has changed."""
    desk.run("new", "--name", "a")
    os.chown(desk.file, 54321, 54322)
    desk.run("revoke", "a")

    seen = desk.file.stat()
    assert (seen.st_uid, seen.st_gid, seen.st_mode & 0o777) == (54321, 54322, 0o600)


def test_two_operators_at_once(desk: Desk) -> None:
    """Two operators who add keys at once lose none."""
    children = [desk.start("new", "--name", f"key-{number}") for number in range(2)]
    for child in children:
        assert child.wait(timeout=PATIENCE_S) == 0

    assert {key.name for key in keys.read(desk.file)} == {f"key-{number}" for number in range(2)}


def terminal_text(rows: list[dict[str, str]], width: int) -> str:
    """The rows as a terminal of this width shows them."""
    file = io.StringIO()
    print_rows(rows, Console(file=file, width=width))
    return file.getvalue()


@pytest.mark.parametrize("width", [40, 80, 200])
def test_no_name_is_shortened(width: int) -> None:
    """`keys revoke` takes it whole: a paragraph for each key where a table has no room."""
    names = ("backend", "ward-7-clinicians-of-the-north-campus")
    limits = PrincipalLimits(4, 100, 100_000)
    listed = [Key(name, "0" * 64, ("generate",), 0.0, limits=limits) for name in names]
    shown = terminal_text([make_row(key, 1.0) for key in listed], width)

    for whole in (*names, "100000 tokens/min", "1970-01-01"):
        assert whole in shown
    assert ("  priority  routine" in shown) is (width < 200)
    assert terminal_text([], width).strip() == ""


def test_brackets_in_a_name_are_shown() -> None:
    """A subject of a token is text and no markup, which could not be closed here."""
    assert "dr. [/b] weber" in terminal_text([{"person": "dr. [/b] weber"}], 80)
