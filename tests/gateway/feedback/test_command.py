"""`mmhie feedback`, as an operator uses it."""

import contextlib
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from gateway.feedback.store import Store
from tests.command import Command
from tests.gateway.audit.conftest import KEY, lines, trail_settings
from tests.gateway.feedback.conftest import Counter, entry, flag
from tests.gateway.feedback.test_desk import record
from tests.gateway.vault.conftest import KeyPair, key_pair

SCRIPT = "<script>alert(1)</script>\x1b[2J\nsecond line"


class Desk(Command):
    """The command line beside a database with one flag with texts, one sign-off."""

    def __init__(
        self,
        file: Path,
        pair: KeyPair,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        super().__init__(monkeypatch, capsys, "feedback")
        self.trail = file.with_name("audit.jsonl")
        monkeypatch.chdir(file.parent)
        monkeypatch.setenv("MMHIE_FEEDBACK_FILE", str(file))
        for name, value in trail_settings(self.trail).items():
            monkeypatch.setenv(name, value)
        self.key = ("--key", str(pair.private))
        counter = Counter(file, pair)
        counter.desk.observe(record())
        self.flag = counter.give(
            flag("unsafe", "high", comment=SCRIPT, corrected_text="5 mg")
        ).entry.id
        self.signed = counter.give(flag("signed_off", None)).entry.id
        counter.desk.stop()

    def exported(self, *options: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.run("export", *options)[0].splitlines()]


@pytest.fixture
def desk(
    file: Path,
    pair: KeyPair,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Desk:
    return Desk(file, pair, monkeypatch, capsys)


def test_the_list_has_no_text(desk: Desk, file: Path) -> None:
    """One line each, the oldest first: kind, severity, request, who said it."""
    with contextlib.closing(Store(file, KEY)) as store:
        store.add(entry("fb-last"))
    out, _ = desk.run("list")
    entries = json.loads(desk.run("list", "--json")[0])["feedback"]

    assert all(word in out for word in (desk.flag, "unsafe", "high", "r-1", "ward-7", desk.signed))
    assert "script" not in out
    assert [entry["id"] for entry in entries] == [desk.flag, desk.signed, "fb-last"]
    assert [entry["category"] for entry in entries] == ["unsafe", "signed_off", "incorrect"]


def test_the_texts_of_one(desk: Desk) -> None:
    """Opened with the private key; nothing in them steers the terminal."""
    out, _ = desk.run("show", desk.flag, *desk.key)

    assert "<script>alert(1)</script>\N{REPLACEMENT CHARACTER}[2J\n" in out
    assert " second line\n" in out
    assert "5 mg" in out
    assert "\x1b" not in out
    assert json.loads(desk.run("show", desk.flag, *desk.key, "--json")[0])["comment"] == SCRIPT


def test_without_the_right_key(desk: Desk, tmp_path: Path) -> None:
    """The facts can be listed, the texts not read."""
    folder = tmp_path / "other"
    folder.mkdir()
    other = str(key_pair(folder).private)

    assert desk.flag in desk.run("list")[0]
    assert "comment" not in json.loads(desk.run("show", desk.flag, "--json")[0])
    assert "sealed to another key" in desk.run("show", desk.flag, "--key", other, exit_code=2)[1]
    assert "cannot be read" in desk.run("show", desk.flag, "--key", "none.pem", exit_code=2)[1]
    assert desk.run("show", desk.signed, *desk.key)[0]


def test_the_export(desk: Desk) -> None:
    """Without texts, unless they are asked for."""
    plain, texts = desk.exported(), desk.exported(*desk.key)

    assert [set(entry) & {"comment", "corrected_text"} for entry in plain] == [set(), set()]
    assert texts[0]["comment"] == SCRIPT


def test_closing(desk: Desk) -> None:
    """With what came of it, who said so, and an event of the trail; texts go if they are to."""
    desk.run("show", desk.flag, "--outcome", "confirmed", "--by", "dr.x", "--erase-text")
    entry, _ = json.loads(desk.run("list", "--all", "--json")[0])["feedback"]

    assert (entry["outcome"], entry["closed_by"], entry["has_text"]) == ("confirmed", "dr.x", False)
    assert desk.flag not in desk.run("list")[0]
    closed = {"kind": "feedback_closed", "feedback_id": desk.flag, "by": "dr.x"}
    assert closed.items() <= lines(desk.trail)[-1].items()


@pytest.mark.parametrize(
    ("arguments", "exit_code", "sentence"),
    [
        (("show", "fb-none"), 1, "There is no feedback of this id"),
        (("show", "fb-none", "--outcome", "confirmed"), 1, "There is no feedback of this id"),
    ],
)
def test_mistakes(desk: Desk, arguments: tuple[str, ...], exit_code: int, sentence: str) -> None:
    """Each mistake is one sentence."""
    assert sentence in desk.run(*arguments, exit_code=exit_code)[1]


def test_no_database(desk: Desk, file: Path) -> None:
    """None set, none there, none that is one."""
    desk.monkeypatch.setenv("MMHIE_FEEDBACK_FILE", str(file.with_name("none.db")))
    assert "does not exist" in desk.run("list", exit_code=2)[1]
    file.with_name("none.db").write_text("no database, but a text of some length")
    assert "SQLITE_NOTADB" in desk.run("list", exit_code=2)[1]
    desk.monkeypatch.delenv("MMHIE_FEEDBACK_FILE")
    assert "MMHIE_FEEDBACK_FILE is not set" in desk.run("list", exit_code=2)[1]


def test_a_changed_row_is_named(desk: Desk, file: Path) -> None:
    """It is neither shown nor closed, no event is written of it, and the exit code is 1."""
    with contextlib.closing(sqlite3.connect(file)) as database, database:
        database.execute("UPDATE feedback SET content = replace(content, 'r-1', 'r-2')")
    written = len(lines(desk.trail)) if desk.trail.exists() else 0
    for arguments in (("list",), ("export",)):
        out, err = desk.run(*arguments, exit_code=1)
        assert out.strip() == ""
        assert "changed, or written with another MMHIE_AUDIT_KEY: feedback 1, feedback 2" in err
    _, err = desk.run("show", desk.flag, "--outcome", "confirmed", exit_code=1)

    assert "no feedback of this id" in err
    assert (len(lines(desk.trail)) if desk.trail.exists() else 0) == written
