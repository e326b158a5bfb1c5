"""A gateway without keys, and the web pages that could use it behind somebody's back."""

from pathlib import Path

import pytest

from gateway.auth.local_callers import LocalCallers
from gateway.errors import Forbidden, UnsupportedMediaType
from tests.contract.fixtures import Start
from tests.fake_engine.process import FakeEngine
from tests.gateway.auth.conftest import add_key
from tests.gateway.server.wire import chat, exchange

JSON = "content-type: application/json"
LISTED = LocalCallers.of(["mmhie.clinic.example"], ["https://ward.example"])


def headers(**named: str) -> list[tuple[bytes, bytes]]:
    """Headers of a request with a body."""
    given = {"host": "localhost:8000", "content_length": "2", **named}
    return [(name.replace("_", "-").encode(), value.encode()) for name, value in given.items()]


IS_JSON = "application/json"
ACCEPTED: tuple[dict[str, str], ...] = (
    {"host": "api.localhost"},
    {"host": "10.2.0.7:8000"},
    {"host": "[fd00::7]"},
    {"host": "gateway:8000"},  # no domain, as containers have
    {"host": ""},
    {"host": "MMHIE.clinic.example:443"},  # listed
    {"origin": "http://localhost:8000", "content_type": f"{IS_JSON}; charset=utf-8"},  # our console
    {"origin": "https://ward.example", "content_type": IS_JSON},  # listed
)
REFUSED: tuple[tuple[dict[str, str], str], ...] = (
    ({"host": "rebound.example"}, "MMHIE_ALLOWED_HOSTS"),
    ({"host": "127.0.0.1.rebound.example:8000"}, "MMHIE_ALLOWED_HOSTS"),
    ({"host": "[::1"}, "MMHIE_ALLOWED_HOSTS"),
    ({"origin": "https://elsewhere.example", "content_type": IS_JSON}, "MMHIE_CORS_ORIGINS"),
    ({"origin": "null", "content_type": IS_JSON}, "MMHIE_CORS_ORIGINS"),
    ({"origin": "http://localhost:3000", "content_type": IS_JSON}, "MMHIE_CORS_ORIGINS"),
    ({"content_type": "text/plain"}, "Content-Type: application/json"),  # a form's
    ({"origin": "http://localhost:8000"}, "Content-Type: application/json"),
)


@pytest.mark.parametrize("named", ACCEPTED, ids=str)
def test_local_callers_are_accepted(named: dict[str, str]) -> None:
    """Addresses and names without a domain, pages of the gateway's own, and what is listed."""
    LISTED.check(headers(**named))


@pytest.mark.parametrize(("named", "remedy"), REFUSED, ids=str)
def test_pages_of_other_origins_are_refused(named: dict[str, str], remedy: str) -> None:
    """The message names the setting, or the header, that would be accepted."""
    with pytest.raises((Forbidden, UnsupportedMediaType)) as refused:
        LISTED.check(headers(**named))
    assert remedy in refused.value.message


def test_a_running_gateway(start: Start, engine: FakeEngine) -> None:
    """The engine hears nothing of a rebound name or a form, and answers a program."""
    gateway = start(engine.url).wait()
    rebound = chat(JSON).replace(b"host: x", b"host: rebound.example")
    (name,) = exchange(gateway, rebound)
    (form,) = exchange(gateway, chat("content-type: text/plain"))
    (page,) = exchange(gateway, chat(JSON, "origin: https://elsewhere.example"))
    assert engine.stats["generations"] == 0
    (program,) = exchange(gateway, chat(JSON))

    name.error(403, "forbidden")
    refused = form.error(415, "unsupported_media_type")
    assert "Content-Type: application/json" in refused["message"]
    page.error(403, "forbidden")
    assert program.status == 200


def test_keys_are_enough(start: Start, engine: FakeEngine, tmp_path: Path) -> None:
    """A page elsewhere has none: with keys any name is taken."""
    file = tmp_path / "keys.json"
    key = add_key(file, "ward", "openai")
    gateway = start(engine.url, MMHIE_KEYS_FILE=str(file)).wait()
    rebound = chat(f"authorization: Bearer {key}").replace(b"host: x", b"host: a.b.example")
    (answer,) = exchange(gateway, rebound)

    assert answer.status == 200
