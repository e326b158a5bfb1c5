"""TLS with real handshakes: who is believed, who is let in, and what stops the start."""

import contextlib
import os
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.fixtures import Refusal
from tests.contract.process import ROOT, Gateway
from tests.fake_engine.process import FakeEngine
from tests.gateway.server.certificates import Authority, Pair
from tests.gateway.server.hasty import Hasty
from tests.gateway.server.wire import STREAM_BODY, answers, chat, dialled, request, rest
from tests.waiting import PATIENCE_S, until

REFUSAL = "the content before stays in force"


@pytest.fixture
def ours(tmp_path: Path) -> Authority:
    """The authority that everybody here trusts."""
    return Authority(tmp_path, "ours")


def listens(gateway: Gateway) -> bool:
    assert gateway.child.poll() is None, gateway.log
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", gateway.port)):
        return True
    return False


@contextlib.contextmanager
def serving(
    folder: Path, engine: FakeEngine, pair: Pair, kind: type[Gateway] = Gateway, /, **more: str
) -> Iterator[Gateway]:
    """A gateway with a certificate, once it listens."""
    files = {"MMHIE_TLS_CERTIFICATE": str(pair.certificate), "MMHIE_TLS_KEY": str(pair.key)}
    gateway = kind(folder, engine.url, **files, **more)
    until(lambda: listens(gateway))
    try:
        yield gateway
    finally:
        assert gateway.stop() == 0, gateway.log


def trusting(authority: Authority, own: Pair | None = None) -> ssl.SSLContext:
    """A caller that believes an authority, and may have a certificate of its own."""
    context = ssl.create_default_context(cafile=str(authority.path))
    if own is not None:
        context.load_cert_chain(own.certificate, own.key)
    return context


@contextlib.contextmanager
def secured(gateway: Gateway, context: ssl.SSLContext) -> Iterator[ssl.SSLSocket]:
    """A connection over TLS."""
    with (
        socket.create_connection(("127.0.0.1", gateway.port), timeout=PATIENCE_S) as plug,
        context.wrap_socket(plug, server_hostname="localhost") as secure,
    ):
        yield secure


def ask(gateway: Gateway, context: ssl.SSLContext, data: bytes) -> bytes:
    """Return the response over TLS."""
    with secured(gateway, context) as plug:
        plug.sendall(data)
        return rest(plug)


def shown(gateway: Gateway, authority: Authority) -> bytes:
    """The certificate that a new caller is shown."""
    with secured(gateway, trusting(authority)) as plug:
        return plug.getpeercert(binary_form=True) or b""


def test_over_https(tmp_path: Path, engine: FakeEngine, ours: Authority) -> None:
    """Answers, streams, refusals and time limits as over http; the container's check, too. Nothing
    is served beside it."""
    with serving(tmp_path, engine, ours.issue("gateway"), Hasty) as gateway:
        context = trusting(ours)
        until(lambda: ask(gateway, context, request("/readyz")).startswith(b"HTTP/1.1 200"))
        (answer,) = answers(ask(gateway, context, chat()))
        (stream,) = answers(ask(gateway, context, chat(body=STREAM_BODY)))
        (malformed,) = answers(ask(gateway, context, b"nonsense\r\n\r\n"))
        head = request("/llm/generate", "content-length: 9", method="POST")
        (slow,) = answers(ask(gateway, context, head))
        healthy = subprocess.run(
            [sys.executable, ROOT / "docker" / "healthy.py", "/readyz"],
            env={"MMHIE_TLS_CERTIFICATE": "set", "MMHIE_PORT": str(gateway.port)},
            check=False,
        )
        with dialled(gateway) as plug:
            plug.sendall(request())
            assert b"HTTP" not in rest(plug)

    assert answer.status == 200
    assert stream.body.endswith(b"data: [DONE]\n\n")
    malformed.error(400, "invalid_request")
    slow.error(408, "body_timeout")
    assert healthy.returncode == 0


def test_a_renewed_certificate(tmp_path: Path, engine: FakeEngine, ours: Authority) -> None:
    """New handshakes have the new one; one that cannot be read changes nothing."""
    pair = ours.issue("gateway")
    with serving(tmp_path, engine, pair) as gateway:
        before = shown(gateway, ours)
        ours.issue("gateway")
        until(lambda: shown(gateway, ours) != before)
        renewed, refusals = shown(gateway, ours), gateway.log.count(REFUSAL)
        pair.certificate.write_text("none")
        until(lambda: shown(gateway, ours) == renewed and gateway.log.count(REFUSAL) > refusals)

        assert shown(gateway, ours) == renewed
        refusals = gateway.log.count(REFUSAL)
        pair.key.unlink()
        os.mkfifo(pair.key)  # nobody waits for its writer
        until(lambda: shown(gateway, ours) == renewed and gateway.log.count(REFUSAL) > refusals)
        pair.key.unlink()
        ours.issue("gateway")
        until(lambda: shown(gateway, ours) != renewed)


def test_callers_with_a_certificate(tmp_path: Path, engine: FakeEngine, ours: Authority) -> None:
    """Of the right authority: in; of another, or none: out, before a byte of HTTP."""
    theirs = Authority(tmp_path, "theirs")
    ward, stranger = ours.issue("ward"), theirs.issue("stranger")
    pair = ours.issue("gateway")
    with serving(tmp_path, engine, pair, MMHIE_TLS_CLIENT_CA=str(ours.path)) as gateway:
        own = trusting(ours, ward)
        until(lambda: ask(gateway, own, request("/readyz")).startswith(b"HTTP/1.1 200"))
        (answer,) = answers(ask(gateway, own, chat()))
        for nobody in (None, stranger):
            heard = b""
            with contextlib.suppress(ssl.SSLError, ConnectionError):
                heard = ask(gateway, trusting(ours, nobody), chat())
            assert heard == b""

    assert answer.status == 200
    assert engine.stats["generations"] == 1


def test_a_renewed_authority(tmp_path: Path, engine: FakeEngine, ours: Authority) -> None:
    """Callers of the authority before are out, without a restart."""
    ward, client_ca = ours.issue("ward"), tmp_path / "client-ca.pem"
    client_ca.write_bytes(ours.path.read_bytes())
    with serving(
        tmp_path, engine, ours.issue("gateway"), MMHIE_TLS_CLIENT_CA=str(client_ca)
    ) as gateway:
        own = trusting(ours, ward)
        until(lambda: ask(gateway, own, request("/readyz")).startswith(b"HTTP/1.1 200"))
        client_ca.write_bytes(Authority(tmp_path, "theirs").path.read_bytes())
        with contextlib.suppress(ssl.SSLError, ConnectionError):
            until(lambda: ask(gateway, own, request("/readyz")) == b"")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"TLS_KEY": "gateway.key"}, "MMHIE_TLS_CERTIFICATE and MMHIE_TLS_KEY go together"),
        ({"TLS_CLIENT_CA": "ours.pem"}, "MMHIE_TLS_CLIENT_CA needs"),
        ({"TLS_CERTIFICATE": "none", "TLS_KEY": "gateway.key"}, "No such file"),
        ({"TLS_CERTIFICATE": "gateway.crt", "TLS_KEY": "gateway.crt"}, "not a certificate"),
    ],
)
def test_files_that_cannot_be_used_stop_the_start(
    refusal: Refusal, ours: Authority, settings: dict[str, str], said: str
) -> None:
    """The sentence names each file that cannot be used."""
    ours.issue("gateway")

    assert said in refusal(**{f"MMHIE_{name}": file for name, file in settings.items()})
