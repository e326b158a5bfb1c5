"""The gate by itself: open, closed, and what it gives a client."""

from pathlib import Path

import pytest

from gateway.auth import keys
from gateway.auth.gate import OPEN, Gate
from gateway.errors import Unauthorized
from gateway.principal import ANYBODY, Limits
from tests.gateway.auth.conftest import add_key


def shown(secret: str) -> list[tuple[bytes, bytes]]:
    return [(b"authorization", f"Bearer {secret}".encode())]


async def test_open_without_keys() -> None:
    """Anybody comes in, reasoning by scope excepted; it is told, and caches stay the engine's."""
    gate = Gate(b"salt")

    assert await gate.admit("/llm/generate", []) is ANYBODY
    assert gate.warnings() == [OPEN]
    assert gate.session_id(ANYBODY) == ""
    assert not ANYBODY.may("reasoning")
    assert not ANYBODY.may("admin")


async def test_an_empty_file_is_not_open(tmp_path: Path) -> None:
    """No keys in a file means nobody."""
    keys.write(tmp_path / "keys.json", [])
    gate = Gate(b"salt", keys=keys.KeyFile(tmp_path / "keys.json"))

    with pytest.raises(Unauthorized):
        await gate.admit("/llm/generate", [])


async def test_limits_of_those_whose_key_says_nothing(tmp_path: Path) -> None:
    """One by one: what a key says wins."""
    path = tmp_path / "keys.json"
    plain = add_key(path, "plain", "generate")
    own = add_key(path, "own", "generate", limits=Limits(concurrency=9))
    gate = Gate(b"salt", keys=keys.KeyFile(path), default_limits=Limits(2, None, 50))

    assert (await gate.admit("/llm/generate", shown(plain))).limits == Limits(2, None, 50)
    assert (await gate.admit("/llm/generate", shown(own))).limits == Limits(9, None, 50)


async def test_salt_is_the_clients_and_the_gateways(tmp_path: Path) -> None:
    """It cannot be computed from the name, which others may know."""
    path = tmp_path / "keys.json"
    a, b = (add_key(path, name, "generate") for name in "ab")
    gate, other = (Gate(salt, keys=keys.KeyFile(path)) for salt in (b"one", b"two"))
    first, second = [await gate.admit("/llm/generate", shown(secret)) for secret in (a, b)]

    salts = {one.session_id(client) for one in (gate, other) for client in (first, second)}
    assert len(salts) == 4
    assert gate.session_id(first) == gate.session_id(first)
