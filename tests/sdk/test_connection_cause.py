"""A failed connection names its cause, and each cause has its own remedy."""

import socket
import threading
from pathlib import Path

import mmhie
import pytest

from tests.gateway.server.certificates import Authority
from tests.https_server import https_server
from tests.sdk.conftest import Connect


def message_of(connect: Connect, url: str) -> str:
    client = connect(url, max_retries=0)
    with pytest.raises(mmhie.ConnectionFailedError) as failed:
        client.generate("How?")
    return failed.value.message


def test_a_name_without_an_address(connect_both: Connect) -> None:
    """`.invalid` never has one (RFC 2606)."""
    assert "has no address" in message_of(connect_both, "http://mmhie.invalid:8000")


def test_https_to_a_server_of_http(connect: Connect) -> None:
    """The remedy is a letter less in the address."""
    with socket.create_server(("127.0.0.1", 0)) as plain:
        answering = threading.Thread(target=refuse_once, args=(plain,))
        answering.start()

        message = message_of(connect, f"https://127.0.0.1:{plain.getsockname()[1]}")

        answering.join()
    assert "begin MMHIE_URL with http://" in message


def refuse_once(plain: socket.socket) -> None:
    """Answer one connection as a server of HTTP answers what is no HTTP."""
    connection, _ = plain.accept()
    with connection:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def test_the_file_of_the_authority_is_the_remedy(
    connect: Connect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also for a server on this machine, for which the environment's proxies do not count."""
    authority = Authority(tmp_path, "hospital")
    with https_server(authority) as url:
        assert "SSL_CERT_FILE" in message_of(connect, url)
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.path))
        assert connect(url).generate("How?") == "Rest and fluids."


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("SSL_CERT_FILE", "/none", "SSL_CERT_FILE or SSL_CERT_DIR cannot be read"),
        ("HTTP_PROXY", "socks5://127.0.0.1:9", "speaks SOCKS"),
    ],
)
def test_an_environment_that_does_not_fit(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, sentence: str
) -> None:
    """An error of this package, as every failure is."""
    monkeypatch.setenv(variable, value)

    with pytest.raises(mmhie.ConfigError, match=sentence):
        connect("http://model.invalid").generate("How?")
