"""The ladder of errors: one class for each code of the gateway, retried only where it is safe."""

import pickle
import socket
import time

import mmhie
import pytest
from mmhie._errors import BY_CODE

from scripts.render.errors import by_code, class_name, leaves
from tests.sdk.conftest import Connect, Serve
from tests.sdk.scripted_server import JSON_ANSWER, error, event, reply, stream

CANARY = "canary-7f3a"
CODES = [(leaf.status, leaf.code, BY_CODE[leaf.code]) for leaf in leaves()]


def is_retried(status: int, code: str) -> bool:
    """As docs/sdk.md says: 429, and 503 other than `held`."""
    return status in (429, 503) and code != "held"


@pytest.mark.parametrize(("status", "code", "kind"), CODES)
def test_each_code_is_its_class(
    serve: Serve, connect: Connect, status: int, code: str, kind: type[mmhie.GatewayError]
) -> None:
    """Class, status, code, param, sentence and request id arrive, from a stream before its start
    as from a whole answer."""
    client = connect(serve(error(status, code, "Do this.")).url, max_retries=0)

    with pytest.raises(kind, match=r"^Do this\.") as caught:
        client.generate("How?")

    assert type(caught.value) is kind
    assert (caught.value.status, caught.value.code) == (status, code)
    assert (caught.value.param, caught.value.request_id) == ("prompt", "req-1")
    with pytest.raises(kind, match=r"^Do this\."):
        next(client.events("How?"))


@pytest.mark.parametrize(("status", "code", "kind"), CODES)
def test_an_error_inside_a_stream_is_the_same_class(
    serve: Serve, connect: Connect, status: int, code: str, kind: type[mmhie.GatewayError]
) -> None:
    """Deltas before it are delivered, then it raises; it is never retried."""
    envelope = {"error": {"message": "Do this.", "type": "t", "param": None, "code": code}}
    both = event({"delta": "Half"}) + event(envelope) + b"data: [DONE]\n\n"
    server = serve(stream(both))
    events = connect(server.url).events("How?")

    assert next(events) == mmhie.Delta("Half")
    with pytest.raises(kind, match=r"^Do this\."):
        next(events)
    assert len(server.calls) == 1


@pytest.mark.parametrize(("status", "code", "kind"), CODES)
def test_retries_happen_only_where_safe(
    serve: Serve, connect: Connect, status: int, code: str, kind: type[mmhie.GatewayError]
) -> None:
    """Too busy and not ready are tried again; whatever may have been done is not."""
    server = serve(error(status, code), reply(JSON_ANSWER))
    client = connect(server.url)

    if is_retried(status, code):
        assert client.generate("How?") == "Rest and fluids."
    else:
        with pytest.raises(kind):
            client.generate("How?")

    assert len(server.calls) == (2 if is_retried(status, code) else 1)


def test_every_code_of_the_gateway_has_a_class() -> None:
    """Its own, public, with the status, the family and the sentence of the gateway's."""
    assert {leaf.code: class_name(leaf) for leaf in by_code()} == {
        code: kind.__name__ for code, kind in BY_CODE.items()
    }
    for leaf in by_code():
        kind = BY_CODE[leaf.code]
        assert kind.__name__ in mmhie.__all__
        assert issubclass(kind, mmhie.RequestError if leaf.status < 500 else mmhie.ServiceError)
        assert issubclass(kind, TimeoutError) == (leaf.status == 504)
        assert kind.__doc__


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, mmhie.InvalidRequestError),
        (404, mmhie.NotFoundError),
        (418, mmhie.RequestError),
        (429, mmhie.TooBusyError),
        (500, mmhie.ServiceError),
        (502, mmhie.ServiceError),
        (503, mmhie.EngineUnavailableError),
        (504, mmhie.EngineTimeoutError),
        (302, mmhie.ServiceError),
    ],
)
@pytest.mark.parametrize(
    "body",
    [
        b"<html>" + CANARY.encode(),
        b'{"error": {"message": "' + CANARY.encode() + b'", "code": 400}}',
        b'{"error": {"message": "' + CANARY.encode() + b'", "code": "BadRequestError"}}',
        b'{"error": "' + CANARY.encode() + b'"}',
    ],
)
def test_what_is_not_the_gateway_is_never_quoted(
    serve: Serve, connect: Connect, status: int, kind: type[mmhie.GatewayError], body: bytes
) -> None:
    """An engine or a proxy may echo the prompt: the class is the status's, the sentence ours."""
    client = connect(serve(reply(body, status)).url, max_retries=0)

    with pytest.raises(kind) as caught:
        client.generate(CANARY)

    assert type(caught.value) is kind
    assert CANARY not in str(caught.value) + repr(caught.value.__dict__)


def test_a_long_retry_after_is_told_instead_of_waited_for(serve: Serve, connect: Connect) -> None:
    """Past the deadline there is nothing to wait for; the caller learns the seconds."""
    server = serve(error(503, "engine_unavailable", retry_after="600"))

    with pytest.raises(mmhie.EngineUnavailableError) as caught:
        connect(server.url, timeout_seconds=30).generate("How?")

    assert caught.value.retry_after_seconds == 600
    assert len(server.calls) == 1


def test_retries_come_to_an_end(serve: Serve, connect: Connect) -> None:
    """Two retries, then the error."""
    server = serve(error(503, "engine_unavailable"))

    with pytest.raises(mmhie.EngineUnavailableError):
        connect(server.url, max_retries=2).generate("How?")

    assert len(server.calls) == 3


def test_opening_a_stream_is_retried(serve: Serve, connect: Connect) -> None:
    """Before the first byte a refusal is safe to try again."""
    last = event({"finish_reason": "stop"}) + b"data: [DONE]\n\n"
    server = serve(error(429, "too_busy"), stream(event({"delta": "Hi"}) + last))

    assert list(connect(server.url).stream_generate("How?")) == ["Hi", ""]
    assert len(server.calls) == 2


def test_nobody_listening_is_retried_then_told(connect: Connect) -> None:
    """A refused connection is a ConnectionError too, after the retries' pauses."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        client = connect(f"http://127.0.0.1:{unused.getsockname()[1]}", max_retries=1)
        began = time.monotonic()
        with pytest.raises(
            mmhie.ConnectionFailedError, match=r"nothing listens there.*MMHIE_URL"
        ) as caught:
            client.generate(CANARY)

    assert isinstance(caught.value, ConnectionError)
    assert time.monotonic() - began >= 0.25
    assert CANARY not in str(caught.value)


def test_errors_cross_processes() -> None:
    """A worker's error reaches its parent whole: pickling keeps message and attributes."""
    sent = mmhie.EngineTimeoutError("Slow.", status=504, request_id="r")

    got = pickle.loads(pickle.dumps(sent))

    assert type(got) is type(sent)
    assert (str(got), got.__dict__) == ("Slow.", sent.__dict__)


def test_a_missing_key_names_the_argument(serve: Serve, connect: Connect) -> None:
    """The server speaks of headers, which a caller of this package never writes."""
    client = connect(serve(error(401, "unauthorized", "Send a key in the header.")).url)

    with pytest.raises(mmhie.UnauthorizedError, match=r"LLMConfig\(api_key=\.\.\.\)"):
        client.generate("How?")
