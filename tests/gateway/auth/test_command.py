"""`mmhie keys` as an operator uses it."""

import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.auth import keys
from gateway.auth.keys import KeyFile
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
    """The key alone is on standard output, once, and works until it is revoked; in production the
    first one is made before there is a file."""
    desk.monkeypatch.setenv("MMHIE_ENV", "production")
    desk.monkeypatch.setenv("MMHIE_WITHOUT_AUDIT", "true")
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
    for told in ("ward", "generate, metrics", "limits concurrency", "30", "4000"):
        assert told in listed
    assert "active" in listed
    assert secret not in listed

    desk.run("revoke", "ward")
    assert KeyFile(desk.file).principal(secret.encode()) is None
    assert "revoked" in desk.run("list")[0]
    desk.run("new", "--name", "ward")  # the name is free again


def test_rotation(desk: Desk) -> None:
    """The new key has the rights and the lifetime of the old one, which ends later; both have one
    name and one count, and are revoked together."""
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

    desk.run("new", "--name", "short", "--expires", "90d")
    key = desk.run("new", "--name", "short", "--rotate", "1h")[0].strip()
    short = KeyFile(desk.file).principal(key.encode())
    assert short is not None
    assert short.expires == pytest.approx(time.time() + 90 * 86_400, abs=60)

    desk.run("revoke", "ward")
    file = KeyFile(desk.file)
    assert [file.principal(key.strip().encode()) for key in (old, new)] == [None, None]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--name", "a b"), "letters, digits"),
        (("--name", "a", "--scopes", "root"), "scopes are some of generate, openai"),
        (("--name", "a", "--priority", "vip"), "priority is one of emergency"),
        (("--name", "a", "--expires", "0d"), "--expires got '0d'"),
        (("--name", "a", "--user", "x\n"), "users are at most"),
        (("--name", "a", "--user", "b", "--user", "c"), "needs the scope on_behalf"),
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
    keys.write(desk.file, [replace(key, expires=key.created) for key in keys.read(desk.file)])
    desk.run("new", "--name", "a")  # as the one before has ended
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


def test_two_operators_at_once(desk: Desk) -> None:
    """Two operators who add keys at once lose none."""
    children = [desk.start("new", "--name", f"key-{number}") for number in range(2)]
    for child in children:
        assert child.wait(timeout=PATIENCE_S) == 0

    assert {key.name for key in keys.read(desk.file)} == {f"key-{number}" for number in range(2)}
