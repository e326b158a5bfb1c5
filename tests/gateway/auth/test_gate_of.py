"""What is wrong with keys and key sets is found before anything listens."""

from pathlib import Path

import pytest

from gateway import settings as gateway_settings
from gateway.auth import gate as gates
from gateway.auth.jwks import FileJwks, UrlJwks
from gateway.limits.rate_limiter import LocalRateLimiter
from gateway.principal import NO_LIMITS, Limits
from gateway.settings import SettingsError
from tests.gateway.auth.conftest import AUDIENCE, ISSUER, Signer, jwks

ROW = """{"keys": []}"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "broken.json").write_text("[]")
    (tmp_path / "keys.json").write_text(ROW)
    return tmp_path


def loaded(monkeypatch: pytest.MonkeyPatch, **environ: str) -> gateway_settings.GatewaySettings:
    for name, value in environ.items():
        monkeypatch.setenv(f"MMHIE_{name}", value)
    chosen = gateway_settings.load()
    gates.check(chosen)
    return chosen


TERMS = {"JWT_ISSUER": ISSUER, "JWT_AUDIENCE": AUDIENCE}


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"ENV": "production"}, "nobody is asked for a key"),
        ({"KEYS_FILE": "none.json"}, "MMHIE_KEYS_FILE is none.json: there is no such file"),
        ({"KEYS_FILE": "broken.json"}, "not what `mmhie keys` writes"),
        ({"JWKS_FILE": "broken.json"}, "MMHIE_JWT_ISSUER and MMHIE_JWT_AUDIENCE must be set"),
        ({"JWKS_FILE": "broken.json", "JWT_ISSUER": "x"}, "MMHIE_JWT_AUDIENCE must be set"),
        ({"JWKS_FILE": "broken.json", **TERMS}, "is broken.json: it is not a JSON Web Key Set"),
        ({"JWKS_FILE": "none.json", **TERMS}, "it cannot be read (No such file"),
        ({"JWKS_FILE": "x", "JWKS_URL": "https://x/", **TERMS}, "are both set"),
        ({"JWKS_URL": "http://login.example/jwks", **TERMS}, "MMHIE_JWKS_URL"),
        ({"JWKS_URL": "file:///etc/passwd", **TERMS}, "MMHIE_JWKS_URL"),
        ({"CLIENT_CONCURRENCY": "0"}, "MMHIE_CLIENT_CONCURRENCY"),
    ],
)
def test_a_mistake_is_one_sentence(
    folder: Path, monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], said: str
) -> None:
    """That names the variable."""
    with pytest.raises(SettingsError) as refused:
        loaded(monkeypatch, **environ)

    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_what_is_configured_is_what_is_asked_for(
    folder: Path, monkeypatch: pytest.MonkeyPatch, rsa_signer: Signer
) -> None:
    """Keys, a key set from a file, limits for those whose key says nothing."""
    (folder / "jwks.json").write_bytes(jwks(rsa_signer))
    chosen = loaded(
        monkeypatch,
        ENV="production",
        KEYS_FILE="keys.json",
        JWKS_FILE="jwks.json",
        CLIENT_REQUESTS_PER_MINUTE="7",
        **TERMS,
    )
    gate = gates.Gate.of(chosen, LocalRateLimiter())

    assert not gate.is_open
    assert gate.jwt is not None
    assert isinstance(gate.jwt.keys, FileJwks)
    assert gate.default_limits == Limits(requests_per_minute=7)


@pytest.mark.parametrize("url", ["https://login.example/jwks", "http://127.0.0.1:8080/jwks"])
def test_a_url_alone_is_enough_in_production(
    folder: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    """It is fetched later; until then no token is good, and nobody else comes in."""
    gate = gates.Gate.of(
        loaded(monkeypatch, ENV="production", JWKS_URL=url, **TERMS), LocalRateLimiter()
    )

    assert gate.jwt is not None
    assert isinstance(gate.jwt.keys, UrlJwks)
    assert gate.warnings()
    assert not gate.is_open
    assert gate.default_limits is NO_LIMITS
