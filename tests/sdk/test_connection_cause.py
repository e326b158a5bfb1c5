"""A failed connection names its cause, and each cause has its own remedy."""

import socket
import ssl
import threading

import mmhie
import pytest
from mmhie._connection_cause import UNKNOWN, cause_of

from tests.sdk.conftest import Connect


def said(connect: Connect, url: str) -> str:
    client = connect(url, max_retries=0)
    with pytest.raises(mmhie.ConnectionFailedError) as failed:
        client.generate("How?")
    return failed.value.message


def test_a_name_without_an_address(connect: Connect) -> None:
    """`.invalid` never has one (RFC 2606)."""
    assert "has no address" in said(connect, "http://mmhie.invalid:8000")


def test_https_to_a_server_of_http(connect: Connect) -> None:
    """The remedy is a letter less in the address."""
    with socket.create_server(("127.0.0.1", 0)) as plain:
        answering = threading.Thread(target=refuse_once, args=(plain,))
        answering.start()

        told = said(connect, f"https://127.0.0.1:{plain.getsockname()[1]}")

        answering.join()
    assert "begin MMHIE_URL with http://" in told


def refuse_once(plain: socket.socket) -> None:
    """Answer one connection as a server of HTTP answers what is no HTTP."""
    connection, _ = plain.accept()
    with connection:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (FileNotFoundError(), "does not exist"),  # httpcore2 leaks the socket of a real try
        (ssl.SSLCertVerificationError(), "SSL_CERT_FILE"),
        (OSError(), UNKNOWN),
    ],
)
def test_causes_that_no_server_here_has(error: OSError, words: str) -> None:
    """A socket that is not there, a certificate that is not trusted, and what nobody knows."""
    assert words in cause_of(error)


def test_the_first_cause_of_a_group() -> None:
    """asyncio tries each address of a name, and reports them together."""
    outer = OSError("All attempts failed")
    outer.__cause__ = ExceptionGroup("both", [OSError(), ConnectionRefusedError()])

    assert "nothing listens there" in cause_of(outer)
