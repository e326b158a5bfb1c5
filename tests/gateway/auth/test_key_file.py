"""The gateway follows the keys file without a restart."""

import time
from pathlib import Path

import pytest

from gateway.auth import keys
from gateway.auth.keys import KeyFile
from tests.gateway.auth.conftest import add_key


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def name_of(file: KeyFile, secret: str) -> str | None:
    found = file.principal(secret.encode())
    return found.name if found else None


def test_keys_come_and_go(tmp_path: Path, clock: Clock) -> None:
    """A new key works and a revoked one does not, within a second."""
    path = tmp_path / "keys.json"
    first = add_key(path, "first", "generate")
    file = KeyFile(path, clock=clock)
    assert name_of(file, first) == "first"

    second = add_key(path, "second", "openai")
    assert name_of(file, second) is None  # not looked at again yet
    clock.now += 1
    assert name_of(file, second) == "second"

    keys.write(path, [key for key in keys.read(path) if key.name == "second"])
    clock.now += 1
    assert name_of(file, first) is None


def test_revoked_and_expired_keys_are_unknown(tmp_path: Path) -> None:
    """The second ends by itself, with nobody touching the file."""
    path = tmp_path / "keys.json"
    revoked = add_key(path, "revoked", "generate", revoked=1.0)
    ending = add_key(path, "ending", "generate", expires=time.time() + 0.2)
    file = KeyFile(path)

    assert name_of(file, revoked) is None
    assert name_of(file, ending) == "ending"
    time.sleep(0.25)
    assert name_of(file, ending) is None


def test_a_file_that_breaks_changes_nothing_and_is_told(tmp_path: Path, clock: Clock) -> None:
    """Until it is whole again."""
    path = tmp_path / "keys.json"
    secret = add_key(path, "a", "generate")
    whole = path.read_bytes()
    file = KeyFile(path, clock=clock)
    assert name_of(file, secret) == "a"
    assert file.problem is None

    path.write_bytes(b"{")
    clock.now += 1
    assert name_of(file, secret) == "a"
    assert "cannot be used" in str(file.problem)

    path.write_bytes(whole)
    clock.now += 1
    assert name_of(file, secret) == "a"
    assert file.problem is None


def test_a_file_that_is_gone_holds_no_keys(tmp_path: Path, clock: Clock) -> None:
    """Taking the file away shuts the door; it never opens it."""
    path = tmp_path / "keys.json"
    secret = add_key(path, "a", "generate")
    file = KeyFile(path, clock=clock)
    assert name_of(file, secret) == "a"

    path.unlink()
    clock.now += 1
    assert name_of(file, secret) is None
    assert "no key is accepted" in str(file.problem)


def test_near_misses_are_unknown(tmp_path: Path) -> None:
    """The stored hash is no key, nor is a key with a character more, less or changed."""
    path = tmp_path / "keys.json"
    secret = add_key(path, "a", "generate")
    file = KeyFile(path)

    for wrong in ("", secret[:-1], secret + "x", secret.upper(), keys.sha256(secret.encode())):
        assert name_of(file, wrong) is None, wrong
