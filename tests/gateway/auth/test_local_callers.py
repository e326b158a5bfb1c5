"""A gateway without keys, and the web pages that could use it behind somebody's back."""

from pathlib import Path

import pytest

from gateway.auth.gate import check_local
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


@pytest.mark.parametrize(
    "host",
    [
        "localhost:8000",
        "LOCALHOST",
        "api.localhost",
        "127.0.0.1:8000",
        "10.2.0.7",
        "[::1]:8000",
        "[fd00::7]",
        "gateway:8000",
        "localhost.",
        "",
        "mmhie.clinic.example:443",
        "MMHIE.clinic.example",
    ],
)
def test_names_that_are_taken(host: str) -> None:
    """Addresses, names without a domain, and those of the setting."""
    check_local(LISTED, headers(host=host))


@pytest.mark.parametrize(
    "host",
    ["rebound.example", "127.0.0.1.rebound.example:8000", "localhost.example", "[::1", "1.2.3"],
)
def test_names_that_are_not(host: str) -> None:
    """Anybody may point a name of theirs to this machine."""
    with pytest.raises(Forbidden) as refused:
        check_local(LISTED, headers(host=host))
    assert "MMHIE_ALLOWED_HOSTS" in refused.value.message


@pytest.mark.parametrize("origin", ["https://elsewhere.example", "null", "http://localhost:3000"])
def test_pages_elsewhere(origin: str) -> None:
    """Of another host or port, and those that hide it."""
    with pytest.raises(Forbidden) as refused:
        check_local(LISTED, headers(origin=origin, content_type="application/json"))
    assert "MMHIE_CORS_ORIGINS" in refused.value.message


@pytest.mark.parametrize("origin", ["http://localhost:8000", "https://ward.example"])
def test_pages_that_may(origin: str) -> None:
    """Our own console, and what is listed."""
    check_local(LISTED, headers(origin=origin, content_type="application/json; charset=utf-8"))


@pytest.mark.parametrize(
    "named",
    [
        {"content_type": "text/plain"},
        {"content_type": "application/x-www-form-urlencoded"},
        {"content_type": "multipart/form-data; boundary=x"},
        {"origin": "http://localhost:8000"},
    ],
)
def test_bodies_that_are_no_json(named: dict[str, str]) -> None:
    """Media types that a form sends without permission."""
    with pytest.raises(UnsupportedMediaType):
        check_local(LISTED, headers(**named))


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
