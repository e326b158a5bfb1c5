"""`mmhie vault open | erase`: without the gateway and its settings."""

import io
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.safety.labels import keyed_digest
from gateway.vault import folder
from gateway.vault.sealing import Sealer
from tests.gateway.audit.conftest import Desk
from tests.gateway.vault.conftest import KeyPair, key_pair

DIGEST_KEY = "d" * 32
ID, OTHER, THIRD = "a" * 32, "b" * 32, "c" * 32
TEXT = "Give 75 micrograms.\n\nThen rest."
Put = Callable[..., Path]


@pytest.fixture
def vault(tmp_path: Path) -> Path:
    path = tmp_path / "vault"
    path.mkdir()
    return path


NOTICE = {"id": "MED101", "summary": "Chest pain now", "message": "Assess \x1b[7mfirst."}


@pytest.fixture
def put(vault: Path, keys: KeyPair) -> Put:
    """Seal an answer, as the gateway does."""

    def seal(name: str = ID, text: str = TEXT, **more: Any) -> Path:
        given = {"output_digest": keyed_digest(DIGEST_KEY.encode(), text), "text": text}
        answer = {
            "request_id": name,
            "time": "2026-11-28T10:32:00.000Z",
            "path": "/llm/generate",
            "notices": [NOTICE],
            "emergency_note": "In an emergency call 2222.",
            "is_whole": True,
            "request": '{"prompt": "How much?"}',
            "answers": [given],
        }
        day = folder.make_day(vault, "2026-11-28")
        sealed = Sealer(keys.public).seal(json.dumps({**answer, **more}).encode(), name)
        folder.write(day, name, sealed)
        return day / f"{name}.sealed"

    return seal


class Safe:
    """The commands, on one vault."""

    def __init__(self, desk: Desk, vault: Path, keys: KeyPair) -> None:
        desk.monkeypatch.delenv("MMHIE_AUDIT_FILE")
        desk.monkeypatch.setenv("MMHIE_MAX_TOKENS", "no number")  # no setting is read
        self.desk = desk
        self.vault = vault
        self.private = str(keys.private)

    def open(self, name: str, *more: str, exit_code: int = 0) -> tuple[str, str]:
        where = ("--dir", str(self.vault), "--key", self.private)
        return self.desk.run("vault", "open", name, *where, *more, exit_code=exit_code)

    def erase(self, name: str, *more: str, exit_code: int = 0) -> tuple[str, str]:
        where = ("--dir", str(self.vault))
        return self.desk.run("vault", "erase", name, *where, *more, exit_code=exit_code)


@pytest.fixture
def safe(desk: Desk, vault: Path, keys: KeyPair) -> Safe:
    return Safe(desk, vault, keys)


def test_an_answer_is_opened(safe: Safe, put: Put) -> None:
    """For a person and as JSON; what would steer a terminal is shown as such."""
    put(text="Rest.\x1b[2J\nThen walk.", is_whole=False)
    out, _ = safe.open(ID)
    told = json.loads(safe.open(ID, "--json")[0])["answers"]

    assert '{"prompt": "How much?"}' in out
    assert "Then walk." in out
    assert "Assess �[7mfirst." in out
    assert "In an emergency call 2222." in out
    assert "\x1b" not in out
    assert "hmac-sha256:" in out
    assert "False" in out
    assert told[0]["request_id"] == ID
    assert told[0]["answers"][0]["text"] == "Rest.\x1b[2J\nThen walk."


def test_the_text_is_the_one_of_the_trail(safe: Safe, put: Put, tmp_path: Path) -> None:
    """openssl computes the digest that is beside it, as docs/audit.md says."""
    put()
    told = json.loads(safe.open(ID, "--json")[0])["answers"][0]["answers"][0]
    copy = tmp_path / "copy.txt"
    copy.write_text(told["text"])
    command = ["openssl", "dgst", "-sha256", "-hmac", DIGEST_KEY, str(copy)]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout

    assert told["output_digest"] == f"hmac-sha256:{out.split()[-1]}"


def test_a_callers_id_opens_all_of_its_answers(safe: Safe, put: Put) -> None:
    """The gateway's own id comes first: a caller cannot hide an answer behind its own."""
    put(OTHER, "One.", caller_request_id="ward-1")
    put(THIRD, "Two.", caller_request_id="ward-1")
    put(ID, "Three.", caller_request_id=OTHER)

    both = json.loads(safe.open("ward-1", "--json")[0])["answers"]
    assert [answer["request_id"] for answer in both] == [OTHER, THIRD]
    (first,) = json.loads(safe.open(OTHER, "--json")[0])["answers"]
    assert first["answers"][0]["text"] == "One."


def test_one_answer_is_erased(safe: Safe, put: Put) -> None:
    """By its own id without a key; it cannot be opened any more, its neighbour can."""
    erased, kept = put(), put(OTHER)
    copy = erased.parents[1] / "2026-11-29" / erased.name
    copy.parent.mkdir()
    copy.write_bytes(erased.read_bytes())
    out, _ = safe.erase(ID)

    assert str(erased) in out
    assert "backups are not" in out
    assert (erased.exists(), copy.exists(), kept.exists()) == (False, False, True)
    assert "has no answer of this id" in safe.open(ID, exit_code=1)[1]
    assert "has no answer of this id" in safe.erase(ID, exit_code=1)[1]


def test_what_cannot_be_opened_has_one_sentence(
    safe: Safe, put: Put, vault: Path, tmp_path: Path
) -> None:
    """A damaged file, one under another's name, a foreign one, another key, no hit."""
    file = put()
    (tmp_path / "other").mkdir()
    stranger = str(key_pair(tmp_path / "other").private)
    right = safe.private

    def sentence(exit_code: int = 1, name: str = ID) -> str:
        told = safe.open(name, exit_code=exit_code)[1]
        assert len(told.strip().splitlines()) == 1
        return told

    safe.private = stranger
    assert "was sealed to another key" in sentence()
    assert "does not open: 1." in sentence(name="ward-1")
    safe.private = right
    *rest, last = file.read_bytes()
    file.write_bytes(bytes([*rest, last ^ 1]))
    assert "was damaged" in sentence()
    file.rename(file.with_name(f"{OTHER}.sealed"))
    assert "has no answer of this id" in sentence()
    assert "another's name" in sentence(name=OTHER)
    file.write_text("a note")
    assert "was not sealed" in sentence()
    assert "does not open: 2." in sentence(name="ward-1")


FORGED = {
    "no object": b"[]",
    "wrong fields": b'{"request_id": 1, "caller_request_id": "ward-1", "notices": [1]}',
}


@pytest.mark.parametrize("content", FORGED.values(), ids=FORGED.keys())
def test_one_forged_file_hides_no_other(
    safe: Safe, put: Put, keys: KeyPair, content: bytes
) -> None:
    """Whoever has the public key can seal anything; what is no file, too, is passed by and told."""
    day = put(caller_request_id="ward-1").parent
    folder.write(day, OTHER, Sealer(keys.public).seal(content, OTHER))
    (day / "notes.sealed").mkdir()
    out, told = safe.open("ward-1", "--json")

    assert [answer["request_id"] for answer in json.loads(out)["answers"]] == [ID]
    assert told == "There may be more: Files that this key does not open: 2.\n"
    assert "it is forged" in safe.open(OTHER, exit_code=1)[1]


def test_the_passphrase_of_the_key_is_asked_for(
    safe: Safe, put: Put, keys: KeyPair, tmp_path: Path
) -> None:
    """On the terminal, or from the standard input; not as an option, which others would see."""
    pair = key_pair(tmp_path, "a long one")
    assert pair == keys
    put()
    safe.desk.monkeypatch.setattr("sys.stdin", io.StringIO("a long one\n"))
    assert TEXT.splitlines()[0] in safe.open(ID)[0]

    safe.desk.monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    safe.desk.monkeypatch.setattr("typer.prompt", lambda *_, **__: "a long one")
    assert TEXT.splitlines()[0] in safe.open(ID)[0]
