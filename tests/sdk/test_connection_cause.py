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


def test_a_socket_that_is_not_there() -> None:
    """No server has made it, or it is elsewhere. (httpcore2 leaks the socket of a real try.)"""
    assert "does not exist" in cause_of(FileNotFoundError())


def test_a_certificate_that_is_not_trusted() -> None:
    """It is an SSLError too, with a remedy of its own."""
    assert "SSL_CERT_FILE" in cause_of(ssl.SSLCertVerificationError())


def test_the_first_cause_of_a_group() -> None:
    """asyncio tries each address of a name, and reports them together."""
    outer = OSError("All attempts failed")
    outer.__cause__ = ExceptionGroup("both", [OSError(), ConnectionRefusedError()])

    assert "nothing listens there" in cause_of(outer)


def test_an_unknown_cause() -> None:
    """The sentence says what to check."""
    assert cause_of(OSError()) == UNKNOWN
