"""Web pages of other origins: off by default, a list, and never `*` in production."""

from pathlib import Path

import pytest

from tests.contract.fixtures import Refusal, Start
from tests.contract.process import Gateway
from tests.contract.surfaces import SURFACES
from tests.fake_engine.process import FakeEngine
from tests.gateway.auth.conftest import add_key, bearer

PAGE = "https://ward.example"
STRANGERS = (f"{PAGE}:8443", "http://ward.example", f"{PAGE}.evil", "https://WARD.example", "null")
QUESTION = {
    "origin": PAGE,
    "access-control-request-method": "POST",
    "access-control-request-headers": "authorization,content-type",
}


def test_off_by_default(gateway: Gateway) -> None:
    """No page may; without keys, one of another origin is refused at once."""
    answer = gateway.client.post("/llm/generate", json={"prompt": "x"}, headers={"origin": PAGE})
    asked = gateway.client.options("/llm/generate", headers=QUESTION)

    assert not [name for name in answer.headers if name.startswith("access-control")]
    assert asked.status_code == 403
    assert not [name for name in asked.headers if name.startswith("access-control")]


def test_a_listed_page(start: Start, engine: FakeEngine, tmp_path: Path) -> None:
    """Asks beforehand without a key and then with one; errors can be read as well."""
    key = add_key(tmp_path / "keys.json", "page", "generate", "openai")
    gateway = start(
        engine.url,
        MMHIE_CORS_ORIGINS=f"https://other.example, {PAGE}",
        MMHIE_KEYS_FILE=str(tmp_path / "keys.json"),
        MMHIE_ENV="production",
        MMHIE_WITHOUT_AUDIT="true",
    ).wait()
    for surface in SURFACES:
        asked = gateway.client.options(surface.path, headers=QUESTION)
        assert asked.status_code == 200
        assert asked.headers["access-control-allow-origin"] == PAGE
        assert asked.headers["access-control-allow-headers"] == "authorization,content-type"
        assert "access-control-allow-credentials" not in asked.headers
        for shown, status in ((bearer(key), 200), ({}, 401)):
            headers = {"origin": PAGE, **surface.headers, **shown}
            answer = gateway.client.post(surface.path, json=surface.body(), headers=headers)
            assert answer.status_code == status
            assert answer.headers["access-control-allow-origin"] == PAGE
            assert "X-Request-Id" in answer.headers["access-control-expose-headers"]
    for origin in STRANGERS:
        other = gateway.client.get("/healthz", headers={"origin": origin})
        asked = gateway.client.options("/healthz", headers=QUESTION | {"origin": origin})
        assert "access-control-allow-origin" not in {**other.headers, **asked.headers}
    for shown, status in ((bearer(key), 405), ({}, 401)):
        answer = gateway.client.options("/llm/generate", headers={"origin": PAGE, **shown})
        assert answer.status_code == status


@pytest.mark.parametrize("listed", ["*", f"{PAGE},*"])
def test_production_refuses(refusal: Refusal, tmp_path: Path, listed: str) -> None:
    """A gateway in production does not start."""
    add_key(tmp_path / "keys.json", "page", "generate")
    settings = {"MMHIE_ENV": "production", "MMHIE_KEYS_FILE": "keys.json"}

    assert "MMHIE_CORS_ORIGINS" in refusal(**settings, MMHIE_CORS_ORIGINS=listed)


@pytest.mark.parametrize("origin", ["ward.example", "ftp://x", "https://x/page", "https://a b"])
def test_what_is_no_origin_stops_the_start(refusal: Refusal, origin: str) -> None:
    """Scheme, host and port, nothing else."""
    assert "MMHIE_CORS_ORIGINS" in refusal(MMHIE_CORS_ORIGINS=origin)
