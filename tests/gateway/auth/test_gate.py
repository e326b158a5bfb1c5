"""The gate by itself: open, closed, and what it gives a client."""

import asyncio
from pathlib import Path

import pytest

from gateway.auth import keys
from gateway.auth.care_context import CareClaims
from gateway.auth.gate import LONGEST_TOKEN_BYTES, OPEN, Gate, read_token
from gateway.auth.jwks import Jwks
from gateway.auth.jwt import JwtVerifier
from gateway.errors import Unauthorized
from gateway.principal import ANYBODY
from tests.contract.fixtures import Refusal
from tests.gateway.auth.conftest import AUDIENCE, ISSUER, add_key


def shown(secret: str) -> list[tuple[bytes, bytes]]:
    return [(b"authorization", f"Bearer {secret}".encode())]


async def test_open_without_keys() -> None:
    """Anybody comes in, reasoning by scope excepted; it is told, and caches stay the engine's."""
    gate = Gate(b"salt")

    assert await gate.identify("/llm/generate", []) is ANYBODY
    assert gate.warnings() == [OPEN]
    assert gate.session_id(ANYBODY) == ""
    assert ANYBODY.scopes.isdisjoint(("reasoning", "admin"))


async def test_salt_is_the_clients_and_the_gateways(tmp_path: Path) -> None:
    """It cannot be computed from the name, which others may know."""
    path = tmp_path / "keys.json"
    a, b = (add_key(path, name, "generate") for name in "ab")
    gate, other = (Gate(salt, keys=keys.KeyFile(path)) for salt in (b"one", b"two"))
    first, second = [await gate.identify("/llm/generate", shown(secret)) for secret in (a, b)]

    salts = {each.session_id(client) for each in (gate, other) for client in (first, second)}
    assert len(salts) == 4
    assert gate.session_id(first) == gate.session_id(first)


async def test_no_watch_outlives_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of keys or JWKS that fails ends both: whoever runs them again would have two of one."""
    tokens = JwtVerifier(Jwks.of_file(tmp_path / "jwks.json"), ISSUER, AUDIENCE, CareClaims())
    gate = Gate(b"salt", keys=keys.KeyFile(tmp_path / "keys.json"), jwt=tokens)
    monkeypatch.setattr(keys.KeyFile, "refresh", None)
    with pytest.raises(ExceptionGroup):
        await gate.run()

    assert len(asyncio.all_tasks()) == 1


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "broken.json").write_text("[]")
    (tmp_path / "keys.json").write_text('{"keys": []}')
    return tmp_path


TERMS = {"JWT_ISSUER": ISSUER, "JWT_AUDIENCE": AUDIENCE}


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"ENV": "production"}, "no keys are configured; set MMHIE_KEYS_FILE (`mmhie keys new`"),
        (
            {"KEYS_FILE": "none.json"},
            "is none.json: there is no such file; `mmhie keys new` makes it",
        ),
        ({"KEYS_FILE": "broken.json"}, "not what `mmhie keys` writes"),
        ({"JWKS_FILE": "broken.json", "JWT_ISSUER": "x"}, "MMHIE_JWT_AUDIENCE must be set"),
        ({"JWKS_FILE": "broken.json", **TERMS}, "is broken.json: it is not a JSON Web Key Set"),
        ({"JWKS_FILE": "x", "JWKS_URL": "https://x/", **TERMS}, "are both set"),
        ({"JWKS_URL": "http://login.example/jwks", **TERMS}, "MMHIE_JWKS_URL"),
        ({"CLIENT_CONCURRENCY": "0"}, "MMHIE_CLIENT_CONCURRENCY"),
    ],
)
def test_a_mistake_is_one_sentence(
    folder: Path, refusal: Refusal, environ: dict[str, str], said: str
) -> None:
    """The sentence of a mistake names the variable."""
    assert said in refusal(**{f"MMHIE_{name}": value for name, value in environ.items()})


Headers = list[tuple[bytes, bytes]]


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [(b"authorization", b"Bearer ")],
        [(b"authorization", b"abc")],
        [(b"authorization", b"Bearer abc"), (b"x-api-key", b"abd")],
        [(b"authorization", b"Bearer abc"), (b"authorization", b"Bearer abd")],
        [(b"x-api-key", "schlüssel".encode())],
        [(b"x-api-key", b"a" * (LONGEST_TOKEN_BYTES + 1))],
    ],
)
def test_none_or_two_are_refused(headers: Headers) -> None:
    """With the challenge that RFC 6750 wants, and without a word of what was sent."""
    with pytest.raises(Unauthorized) as refused:
        read_token(headers)

    assert refused.value.headers() == {"www-authenticate": "Bearer"}
    assert "abc" not in refused.value.message
