"""The keys file: hashed, whole, its owner's alone."""

import hashlib
import json
import stat
from pathlib import Path
from typing import Any

import pytest

from gateway.auth import keys
from gateway.auth.keys import KeyFile
from gateway.principal import PrincipalLimits
from gateway.runtime.files import FileUnusable
from tests.gateway.auth.conftest import add_key

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
    assert tuple(keys.read(path)) == (key,)
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b'{"keys": [5]}',
        row(name="a b"),
        row(sha256="abc"),
        row(scopes=["everything"]),
        row(priority="vip"),
        row(limits={"concurrency": "many"}),
        row(limits={"concurrency": 0}),
        row(expires=float("nan")),
        row(expires=1e300),
    ],
)
def test_nonsense_is_refused(path: Path, content: bytes) -> None:
    """As a whole: half a list of keys would lock callers out without a word."""
    path.write_bytes(content)

    with pytest.raises(FileUnusable, match="not what `mmhie keys` writes"):
        keys.check(path)


def test_a_file_that_is_cut_or_continued_is_refused(path: Path) -> None:
    """At each line, and by one character."""
    made = [keys.Key(name, str(n) * 64, ("generate",), 1.0) for n, name in enumerate("abc")]
    keys.write(path, made)
    whole = path.read_bytes()
    ends = [at for at in range(len(whole)) if whole[at : at + 1] == b"\n"]
    for content in (*(whole[:at] for at in ends), *(whole[: at + 1] for at in ends[:-1])):
        path.write_bytes(content)
        with pytest.raises(FileUnusable):
            keys.check(path)
    path.write_bytes(whole + b"x")
    with pytest.raises(FileUnusable):
        keys.check(path)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_any_json_of_the_same_content_is_read(path: Path, count: int) -> None:
    """As earlier versions have written it, or an editor; an empty list, too."""
    made = [keys.Key(f"k{n}", str(n) * 64, ("generate",), 1.0) for n in range(count)]
    keys.write(path, made)
    assert list(keys.read(path)) == made
    document = json.loads(path.read_bytes())
    for indent in (None, 1):
        path.write_text(json.dumps(document, indent=indent))
        assert list(keys.read(path)) == made


def test_keys_share_equal_rights(path: Path) -> None:
    """100,000 of them would take 140 MB else."""
    secrets = [add_key(path, name, "generate", limits=PrincipalLimits(2)) for name in "ab"]
    file = KeyFile(path)
    first, second = (file.principal(secret.encode()) for secret in secrets)

    assert first is not None
    assert second is not None
    assert first.scopes is second.scopes
    assert first.limits is second.limits


def name_of(file: KeyFile, secret: str) -> str | None:
    principal = file.principal(secret.encode())
    return principal.name if principal else None


def test_a_file_that_breaks_changes_nothing_and_is_told(path: Path) -> None:
    """Until it is whole again."""
    secret = add_key(path, "a", "generate")
    whole = path.read_bytes()
    file = KeyFile(path)
    for content, problem in ((whole, "None"), (b"{", "cannot be used"), (whole, "None")):
        path.write_bytes(content)
        file.refresh()
        assert name_of(file, secret) == "a"
        assert problem in str(file.problem)


def test_a_file_that_is_gone_holds_no_keys(path: Path) -> None:
    """Removing the file closes the API; it never opens it."""
    secret = add_key(path, "a", "generate")
    file = KeyFile(path)
    assert name_of(file, secret) == "a"

    path.unlink()
    file.refresh()
    assert name_of(file, secret) is None
    assert "no key is accepted" in str(file.problem)


def test_near_misses_are_unknown(path: Path) -> None:
    """The stored hash is no key, nor is a key with a character more, less or changed."""
    secret = add_key(path, "a", "generate")
    file = KeyFile(path)

    for wrong in ("", secret[:-1], secret + "x", secret.upper(), keys.sha256(secret.encode())):
        assert name_of(file, wrong) is None, wrong
