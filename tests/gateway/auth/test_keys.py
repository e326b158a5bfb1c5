"""The keys file: hashed, whole, its owner's alone."""

import hashlib
import json
import stat
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.auth import keys
from gateway.auth.keys import KeyFile
from gateway.principal import PrincipalLimits
from gateway.runtime.files import FileUnusable
from tests.gateway.auth.conftest import add_key
from tests.gateway.clock import Clock
from tests.waiting import until

ROW: dict[str, Any] = {"name": "a", "sha256": "0" * 64, "scopes": ["generate"], "created": 1.0}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


def row(**changed: Any) -> bytes:
    return json.dumps({"keys": [{**ROW, **changed}]}).encode()


def test_a_secret_has_256_random_bits() -> None:
    """43 characters of base64, never twice, with the mark that secret scanners look for."""
    made = {keys.new_secret() for _ in range(100)}

    assert len(made) == 100
    assert {len(secret) for secret in made} == {len("mmhie_") + 43}


def test_the_secret_is_not_in_the_file(path: Path) -> None:
    """Its SHA-256 is, and only the owner may read that."""
    secret = keys.new_secret()
    limits = PrincipalLimits(2, 3, 4)
    key = keys.Key("a", keys.sha256(secret.encode()), ("generate",), 1.0, "batch", limits)
    keys.write(path, [key])

    assert secret not in path.read_text()
    assert hashlib.sha256(secret.encode()).hexdigest() in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert keys.read(path) == (key,)
    assert list(path.parent.iterdir()) == [path]


def test_a_file_of_old_is_read(path: Path) -> None:
    """Fields that are missing have their defaults, those that are unknown are left alone."""
    path.write_bytes(row(colour="blue"))

    (key,) = keys.read(path)

    assert (key.priority, key.limits, key.expires) == ("routine", PrincipalLimits(), None)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b'{"keys": 5}',
        b'{"keys": [5]}',
        row(name="a b"),
        row(sha256="abc"),
        row(scopes=[]),
        row(scopes=["everything"]),
        row(priority="vip"),
        row(limits={"concurrency": "many"}),
        row(limits={"speed": 5}),
        row(limits={"concurrency": 0}),
        row(expires=""),
        row(revoked=[]),
        row(expires=float("nan")),
        row(expires=1e300),
        row(created=None),
    ],
)
def test_nonsense_is_refused(path: Path, content: bytes) -> None:
    """As a whole: half a list of keys would lock callers out without a word."""
    path.write_bytes(content)

    with pytest.raises(FileUnusable, match="not what `mmhie keys` writes"):
        keys.read(path)


def test_what_is_missing_or_out_of_reach_is_told(tmp_path: Path) -> None:
    """Each in its own words."""
    with pytest.raises(FileUnusable, match="no such file"):
        keys.read(tmp_path / "none.json")
    with pytest.raises(FileUnusable, match="cannot be read"):
        keys.read(tmp_path)


def test_states() -> None:
    """A key that is both is called revoked, not expired."""
    now = time.time()
    key = keys.Key("a", "0" * 64, ("generate",), 1.0)

    assert key.state(now) == "active"
    assert replace(key, expires=now).state(now) == "expired"
    assert replace(key, expires=1.0, revoked=2.0).state(now) == "revoked"


@pytest.fixture
def clock() -> Clock:
    return Clock()


def name_of(file: KeyFile, secret: str) -> str | None:
    principal = file.principal(secret.encode())
    return principal.name if principal else None


def test_keys_come_and_go(path: Path, clock: Clock) -> None:
    """A new key works and a revoked one does not, within a second."""
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


def test_revoked_and_expired_keys_are_unknown(path: Path) -> None:
    """The second ends by itself, with nobody touching the file."""
    revoked = add_key(path, "revoked", "generate", revoked=1.0)
    ending = add_key(path, "ending", "generate", expires=(end := time.time() + 2))
    file = KeyFile(path)

    assert name_of(file, revoked) is None
    assert name_of(file, ending) == "ending"
    until(lambda: time.time() > end)
    assert name_of(file, ending) is None


def test_a_file_that_breaks_changes_nothing_and_is_told(path: Path, clock: Clock) -> None:
    """Until it is whole again."""
    secret = add_key(path, "a", "generate")
    whole = path.read_bytes()
    file = KeyFile(path, clock=clock)
    for content, problem in ((whole, "None"), (b"{", "cannot be used"), (whole, "None")):
        path.write_bytes(content)
        clock.now += 1
        assert name_of(file, secret) == "a"
        assert problem in str(file.problem)


def test_a_file_that_is_gone_holds_no_keys(path: Path, clock: Clock) -> None:
    """Removing the file closes the API; it never opens it."""
    secret = add_key(path, "a", "generate")
    file = KeyFile(path, clock=clock)
    assert name_of(file, secret) == "a"

    path.unlink()
    clock.now += 1
    assert name_of(file, secret) is None
    assert "no key is accepted" in str(file.problem)


def test_near_misses_are_unknown(path: Path) -> None:
    """The stored hash is no key, nor is a key with a character more, less or changed."""
    secret = add_key(path, "a", "generate")
    file = KeyFile(path)

    for wrong in ("", secret[:-1], secret + "x", secret.upper(), keys.sha256(secret.encode())):
        assert name_of(file, wrong) is None, wrong
