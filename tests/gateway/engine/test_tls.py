"""TLS to the engine, with real handshakes: the bytes on the wire, trust, and failures."""

import datetime
import json
import ssl
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from gateway.engine import tls
from gateway.engine.client import EngineClient, EngineRequest
from gateway.engine.tls import EngineUntrusted
from gateway.http import client_tls
from gateway.http.client_tls import ClientTls
from gateway.settings.base import TlsFiles
from tests.contract.fixtures import Refusal, Start
from tests.contract.process import Gateway
from tests.contract.surfaces import SURFACES
from tests.fake_engine.process import FakeEngine
from tests.gateway.engine.forwarder import Forwarder
from tests.gateway.peer import Line, Peer
from tests.gateway.server.certificates import Authority, Pair
from tests.waiting import until

CANARY = "zebrafish7731"
HOUR = datetime.timedelta(hours=1)
HEALTH = EngineRequest("GET", "/health", total_s=60.0)


@pytest.fixture
def ours(tmp_path: Path) -> Authority:
    """The certificate authority that the gateway trusts."""
    return Authority(tmp_path, "ours")


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """An exit stack that closes the forwarders."""
    with ExitStack() as opened:
        yield opened


def context_of(pair: Pair, client_ca: Path | None = None) -> ssl.SSLContext:
    """Return the engine's side of TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    if client_ca is not None:
        context.load_verify_locations(client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def ask(gateway: Gateway) -> Any:
    """Send a request; return its error, or None."""
    return gateway.client.post("/llm/generate", json={"prompt": CANARY}).json().get("error")


def test_nobody_on_the_wire_reads_a_word(
    start: Start, engine: FakeEngine, ours: Authority, stack: ExitStack
) -> None:
    """A proxy between gateway and engine sees neither question nor answer nor key, on any surface;
    decrypted, they are there."""
    engine.next(fault="say", tokens=[CANARY], times=-1)
    secure = stack.enter_context(Forwarder(engine.url, context_of(ours.issue("engine"))))
    wire = stack.enter_context(Forwarder(f"https://127.0.0.1:{secure.port}"))
    gateway = start(
        f"https://localhost:{wire.port}",
        MMHIE_CA_FILE=str(ours.path),
        MMHIE_ENGINE_API_KEY="the-key-of-the-engine",
        MMHIE_ENGINE_URLS=f"https://127.0.0.1:{wire.port}",
    ).wait()
    for surface in SURFACES:
        answer = surface.ask(gateway.client, CANARY)
        assert answer.status_code == 200
        assert CANARY in answer.text
    metrics = gateway.client.get("/metrics").text

    assert "vllm:num_requests_running" in metrics
    for secret in (CANARY, "the-key-of-the-engine", "vllm:num_requests_running", "/v1/models"):
        assert secret.encode() not in wire.read
        assert secret.encode() in secure.read
    assert len(wire.read) > len(secure.read)


def test_an_expired_certificate_is_named_and_renewed_without_a_restart(
    start: Start, engine: FakeEngine, ours: Authority, stack: ExitStack
) -> None:
    """Requests get engine_unavailable, /healthz has the reason, also for the metrics of another
    engine, and many requests cause few handshakes; with a new certificate all work."""
    expired = context_of(ours.issue("engine", until=-HOUR / 2))
    secure = stack.enter_context(Forwarder(engine.url, expired))
    wire = stack.enter_context(Forwarder(f"https://127.0.0.1:{secure.port}"))
    gateway = start(
        f"https://localhost:{wire.port}",
        MMHIE_CA_FILE=str(ours.path),
        MMHIE_ENGINE_URLS=f"{engine.url},https://localhost:{secure.port}",
    )
    until(lambda: gateway.answers("/healthz"))
    until(lambda: gateway.client.get("/healthz").json()["phase"] == "engine_down")
    before, began = wire.connections, time.monotonic()
    errors = [ask(gateway) for _ in range(100)]
    allowed = 2 + (time.monotonic() - began) / tls.RETRY_S
    detail = gateway.client.get("/healthz").json()["detail"]

    assert {error["code"] for error in errors} == {"engine_unavailable"}
    assert {error["message"] for error in errors} == {detail}
    assert detail == "The engine's certificate has expired; renew it."
    assert wire.connections - before <= allowed
    assert gateway.client.get("/readyz").status_code == 503
    told = f"No metrics of https://localhost:{secure.port}: {detail.removesuffix('; renew it.')}"
    assert told in metrics_warnings(gateway)
    pair = ours.issue("engine")
    expired.load_cert_chain(pair.certificate, pair.key)
    gateway.wait()
    assert ask(gateway) is None
    assert told not in metrics_warnings(gateway)


def metrics_warnings(gateway: Gateway) -> str:
    """Return the warnings of /healthz after /metrics was read, which shows the other engine's."""
    assert "vllm:num_requests_running" in gateway.client.get("/metrics").text
    return str(gateway.client.get("/healthz").json()["warnings"])


async def refuse(line: Line) -> None:
    """Answer a handshake as a plain HTTP server does."""
    line.say(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")
    await line.hung_up()


async def hang_up(line: Line) -> None:
    """Close the connection when the handshake has begun."""
    line.reset()


async def failure(url: str, ca: Path | None, own: Pair | None = None) -> str:
    """Return the reason why an engine is not trusted; empty if it is."""
    client = EngineClient(url, tls=ClientTls(TlsFiles(ca, own.both if own else None)))
    try:
        assert await client.fetch(HEALTH) == (200, b"")
    except EngineUntrusted as error:
        return error.message
    finally:
        await client.aclose()
    return ""


async def test_who_is_believed(engine: FakeEngine, tmp_path: Path, stack: ExitStack) -> None:
    """The right CA, host name and dates; everything else is refused with its remedy."""
    ours, theirs = Authority(tmp_path, "ours"), Authority(tmp_path, "theirs")
    pairs = (
        ours.issue("engine"),
        ours.issue("early", since=HOUR / 2),
        ours.issue("other", hosts=x509.SubjectAlternativeName([x509.DNSName("elsewhere")])),
    )
    servers = (stack.enter_context(Forwarder(engine.url, context_of(pair))) for pair in pairs)
    good, early, other = (f"https://localhost:{server.port}" for server in servers)

    assert await failure(good, ours.path) == ""
    assert "CA that is trusted" in await failure(good, theirs.path)
    assert "CA that is trusted" in await failure(good, None)
    assert "not valid yet" in await failure(early, ours.path)
    assert "another host name" in await failure(other, ours.path)
    assert "another address" in await failure(other.replace("localhost", "127.0.0.1"), ours.path)
    async with Peer(refuse) as plain:
        assert "speaks TLS" in await failure(plain.url.replace("http:", "https:"), ours.path)


async def test_an_engine_that_wants_a_certificate(
    engine: FakeEngine, tmp_path: Path, stack: ExitStack
) -> None:
    """It gets ours; a missing or wrong one is distinguished from an engine that died."""
    ours, theirs = Authority(tmp_path, "ours"), Authority(tmp_path, "theirs")
    context = context_of(ours.issue("engine"), ours.path)
    url = f"https://localhost:{stack.enter_context(Forwarder(engine.url, context)).port}"

    assert await failure(url, ours.path, ours.issue("gateway")) == ""
    for nobody in (None, theirs.issue("stranger")):
        assert "MMHIE_CLIENT_CERTIFICATE" in await failure(url, ours.path, nobody)
    async with Peer(hang_up) as rude:  # as servers of TLS 1.2 do in the handshake
        secure = rude.url.replace("http:", "https:")
        assert "MMHIE_CLIENT_CERTIFICATE" in await failure(secure, ours.path)


async def test_files_are_read_again(
    engine: FakeEngine, tmp_path: Path, stack: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Withdrawing a CA ends idle connections; an unreadable file changes nothing, with a
    warning."""
    monkeypatch.setattr("gateway.runtime.files.CHECK_EVERY_S", 0.0)
    ours, theirs = Authority(tmp_path, "ours"), Authority(tmp_path, "theirs")
    secure = stack.enter_context(Forwarder(engine.url, context_of(ours.issue("engine"))))
    ca = tmp_path / "ca.pem"
    ca.write_bytes(ours.path.read_bytes())
    trusting = ClientTls(TlsFiles(ca))
    client = EngineClient(f"https://localhost:{secure.port}", tls=trusting)
    for content in (ours.path.read_bytes(), b"half a file"):
        ca.write_bytes(content)
        assert await client.fetch(HEALTH) == (200, b"")
    assert "cannot be used" in client.warnings()[0]
    ca.write_bytes(theirs.path.read_bytes())
    with pytest.raises(EngineUntrusted):
        await client.fetch(HEALTH)
    assert client.warnings() == []
    await client.aclose()


def test_the_context_is_strict(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """TLS 1.2 or later, a matching host name, and no file with session keys."""
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
    context = client_tls.make_context(None, None)

    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert context.check_hostname
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.keylog_filename is None


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"CA_FILE": "none"}, "No such file"),
        ({"CA_FILE": "gateway.key"}, "not a certificate"),
        ({"CLIENT_CERTIFICATE": "gateway.crt"}, "without its key"),
        ({"ENGINE_URL": "https://user@host"}, "http[s]://host:port"),
    ],
)
def test_a_wrong_setting_stops_the_start(
    refusal: Refusal, ours: Authority, settings: dict[str, str], said: str
) -> None:
    """The sentence names each unusable file."""
    ours.issue("gateway")
    chosen = {"ENGINE_URL": "https://engine", **settings}

    assert said in refusal(**{f"MMHIE_{name}": value for name, value in chosen.items()})


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"URL": "http://engine:8001"}, "MMHIE_ENGINE_URL"),
        ({"URL": "https://a", "URLS": "https://a,http://b"}, "MMHIE_ENGINE_URLS"),
        ({"URL": "http://127.0.0.1:1"}, None),
        ({"URL": "http://[::1]:1"}, None),
        ({"URL": "unix:/run/engine.sock"}, None),
        ({"URL": "http://engine:8001", "ALLOW_HTTP": "true"}, None),
    ],
)
def test_production_refuses_plain_http_to_another_host(
    refusal: Refusal, settings: dict[str, str], named: str | None, tmp_path: Path
) -> None:
    """The sentence names the remedy; without this fault the next one is shown."""
    (tmp_path / "keys.json").write_text(json.dumps({"keys": []}))
    chosen = {f"MMHIE_ENGINE_{name}": value for name, value in settings.items()}
    told = refusal(
        **chosen,
        MMHIE_ENV="production",
        MMHIE_WITHOUT_AUDIT="true",
        MMHIE_KEYS_FILE="keys.json",
        MMHIE_JWKS_FILE="none",
        MMHIE_JWT_ISSUER="a",
        MMHIE_JWT_AUDIENCE="b",
    )

    assert told.startswith(f"{named} is plain http") == (named is not None)
    assert ("MMHIE_ENGINE_ALLOW_HTTP=true" in told) == (named is not None)
