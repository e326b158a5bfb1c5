"""Errors: a class for what a caller does about it, retried only where nothing was done."""

import pickle
import socket
import time
from pathlib import Path

import mmhie
import pytest

from tests.gateway.server.certificates import Authority
from tests.https_server import https_server
from tests.sdk.conftest import Connect, Serve
from tests.sdk.scripted_server import JSON_ANSWER, error, event, reply, stream

CANARY = "canary-7f3a"

# one case for each way to a class: status, code, class, whether it is asked again
KINDS = [
    (400, "invalid_request", mmhie.RequestError, False),
    (403, "forbidden", mmhie.AccessError, False),
    (408, "body_timeout", mmhie.ServiceTimeoutError, False),
    (413, "a_later_one", mmhie.RequestError, False),
    (429, "too_busy", mmhie.BusyError, True),
    (500, "internal", mmhie.UnavailableError, False),
    (502, "no_answer", mmhie.IncompleteAnswerError, False),
    (503, "held", mmhie.UnavailableError, False),
    (503, "queue_timeout", mmhie.BusyError, True),
    (503, "a_later_one", mmhie.UnavailableError, True),
    (504, "engine_timeout", mmhie.ServiceTimeoutError, False),
]


@pytest.mark.parametrize(("status", "code", "kind", "is_retried"), KINDS)
def test_each_kind(
    serve: Serve, connect: Connect, status: int, code: str, kind: type[mmhie.MMHIEError],
    is_retried: bool,
) -> None:  # fmt: skip
    """Class, status, code, param, sentence and request id arrive; also before a stream begins."""
    refused = error(status, code, "Do this.")
    server = serve(refused, refused, reply(JSON_ANSWER))
    client = connect(server.url, max_retries=1)

    with pytest.raises(kind, match=r"^Do this\.") as caught:
        next(client.events("How?"))

    assert type(caught.value) is kind
    assert (caught.value.status, caught.value.code) == (status, code)
    assert (caught.value.param, caught.value.request_id) == ("prompt", "req-1")
    assert len(server.calls) == (2 if is_retried else 1)


@pytest.mark.parametrize(
    ("code", "error_type", "kind"),
    [
        ("engine_cut", "server_error", mmhie.IncompleteAnswerError),
        ("a_later_one", "invalid_request_error", mmhie.RequestError),
    ],
)
def test_an_error_inside_a_stream(
    serve: Serve, connect_both: Connect, code: str, error_type: str, kind: type[mmhie.MMHIEError]
) -> None:
    """Deltas before it are delivered, then it raises; it is never retried."""
    envelope = {"error": {"message": "Do this.", "type": error_type, "param": None, "code": code}}
    both = event({"delta": "Half"}) + event(envelope) + b"data: [DONE]\n\n"
    server = serve(stream(both))
    events = connect_both(server.url).events("How?")

    assert next(events) == mmhie.Delta("Half")
    with pytest.raises(kind, match=r"^Do this\.") as caught:
        next(events)
    assert (caught.value.code, caught.value.request_id) == (code, "req-1")
    assert len(server.calls) == 1


@pytest.mark.parametrize(
    ("status", "kind", "body"),
    [
        (400, mmhie.RequestError, f'{{"error": {{"message": "{CANARY}", "code": 400}}}}'),
        (502, mmhie.UnavailableError, f'{{"error": {{"message": "{CANARY}", "code": "held"}}}}'),
    ],
)
def test_what_is_not_the_gateway_is_never_quoted(
    serve: Serve, connect: Connect, status: int, kind: type[mmhie.MMHIEError], body: str
) -> None:
    """An engine or a proxy may echo the prompt: the class is the status's, the sentence ours."""
    client = connect(serve(reply(body.encode(), status)).url, max_retries=0)

    with pytest.raises(kind) as caught:
        client.generate(CANARY)

    assert type(caught.value) is kind
    assert CANARY not in str(caught.value) + repr(caught.value.__dict__)


def test_a_long_retry_after_is_not_waited_for(serve: Serve, connect: Connect) -> None:
    """Past the deadline there is nothing to wait for; the caller learns the seconds."""
    server = serve(error(503, "engine_unavailable", retry_after="600"))

    with pytest.raises(mmhie.UnavailableError) as caught:
        connect(server.url, timeout_seconds=30).generate("How?")

    assert caught.value.retry_after_seconds == 600
    assert len(server.calls) == 1


def test_retry_after_is_never_undercut(serve: Serve, connect: Connect) -> None:
    """The server's own wish is the least wait."""
    server = serve(error(429, "too_busy", retry_after="1"), reply(JSON_ANSWER))
    connect(server.url).generate("How?")

    first, second = server.calls
    assert second.arrived - first.arrived >= 1


def test_nobody_listening_is_retried(connect_both: Connect) -> None:
    """It is a ConnectionError too; the sentence has the address and what to check."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        client = connect_both(f"http://127.0.0.1:{unused.getsockname()[1]}", max_retries=1)
        began = time.monotonic()
        with pytest.raises(
            mmhie.ConnectionFailedError, match=r"at http://127.0.0.1:\d+ cannot.*MMHIE_URL"
        ) as caught:
            client.generate(CANARY)

    assert isinstance(caught.value, ConnectionError)
    assert caught.value.code == "unreachable"
    assert time.monotonic() - began >= 0.25
    assert CANARY not in str(caught.value)


def test_a_hospitals_own_authority(
    connect_both: Connect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its file is the remedy, also for a server on this machine, which no proxy leads to."""
    authority = Authority(tmp_path, "hospital")
    with https_server(authority) as url:
        with pytest.raises(mmhie.ConnectionFailedError, match="SSL_CERT_FILE"):
            connect_both(url, max_retries=0).generate("How?")
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.path))
        assert connect_both(url).generate("How?") == "Rest and fluids."


def test_errors_cross_processes() -> None:
    """A worker's error reaches its parent whole: pickling keeps message and attributes."""
    sent = mmhie.ServiceTimeoutError("Slow.", status=504, request_id="r")

    got = pickle.loads(pickle.dumps(sent))

    assert type(got) is type(sent)
    assert (str(got), got.__dict__) == ("Slow.", sent.__dict__)


def test_a_missing_key_names_the_argument(serve: Serve, connect: Connect) -> None:
    """The server speaks of headers, which a caller of this package never writes."""
    client = connect(serve(error(401, "unauthorized", "Send a key in the header.")).url)

    with pytest.raises(mmhie.AccessError, match=r"LLMConfig\(api_key=\.\.\.\)"):
        client.generate("How?")
