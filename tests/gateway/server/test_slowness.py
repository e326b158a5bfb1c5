"""Callers who take their time: each wait has its limit, and nobody holds a connection for ever."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.contract.process import Gateway
from tests.fake_engine.process import FakeEngine
from tests.gateway.server.hasty import Crowded, Hasty
from tests.gateway.server.wire import STREAM_BODY, answers, chat, dialled, exchange, request, rest
from tests.waiting import PATIENCE_S, until


@pytest.fixture(scope="module")
def strict(the_engine: FakeEngine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway of little patience."""
    with Hasty(tmp_path_factory.mktemp("gateway"), the_engine.url) as gateway:
        yield gateway.wait()


def drip(plug: socket.socket, data: bytes) -> bytes:
    """Send a byte now and then until the gateway answers; its answer."""
    plug.settimeout(0.1)
    for byte in data:
        plug.sendall(bytes([byte]))
        try:
            first = plug.recv(65536)
        except TimeoutError:
            continue
        plug.settimeout(PATIENCE_S)
        return first + rest(plug)
    raise AssertionError("every byte was sent")


def test_a_slow_head_is_408(strict: Gateway) -> None:
    """Each byte comes in good time, and all of them would take hours."""
    with dialled(strict) as plug:
        (answer,) = answers(drip(plug, request(f"/{'x' * 500}")))

    assert "took over 2 s" in answer.error(408, "header_timeout")["message"]
    assert answer.headers["connection"] == "close"


@pytest.mark.parametrize("framing", ["content-length: 500", "transfer-encoding: chunked"])
def test_a_slow_body_is_408(strict: Gateway, engine: FakeEngine, framing: str) -> None:
    """The engine is not asked."""
    head = request("/v1/chat/completions", framing, method="POST")
    body = b"1\r\nx\r\n" * 100 if "chunked" in framing else b"x" * 500
    with dialled(strict) as plug:
        plug.sendall(head)
        (answer,) = answers(drip(plug, body))

    assert "took over 2 s" in answer.error(408, "body_timeout")["message"]
    assert answer.headers["connection"] == "close"
    assert engine.stats["generations"] == 0
    until(lambda: '"outcome":"body_timeout"' in strict.log)


def test_silence_ends_a_connection(strict: Gateway) -> None:
    """At first and between requests, without a word: nothing was asked."""
    with dialled(strict) as at_first, dialled(strict) as between:
        between.sendall(request(close=False))
        assert rest(at_first) == b""
        assert len(answers(rest(between))) == 1


def test_blank_lines_are_silence(strict: Gateway) -> None:
    """They may come before a request, and are none."""
    with dialled(strict) as plug:
        plug.settimeout(0.1)
        for _ in range(600):  # a minute
            try:
                plug.sendall(b"\r\n")
                assert plug.recv(100) == b""
                break
            except TimeoutError:
                continue
            except ConnectionError:
                break
        else:
            pytest.fail("the connection was kept")


def test_a_long_answer_is_no_silence(strict: Gateway, engine: FakeEngine) -> None:
    """The caller has nothing to say while it listens; no total is set on a stream."""
    engine.next(fault="slow_tokens", seconds=0.2)
    (answer,) = exchange(strict, chat(body=STREAM_BODY[:-1] + b', "max_tokens": 12}'))

    assert answer.status == 200
    assert answer.body.endswith(b"data: [DONE]\n\n")


def test_an_answer_left_unread_is_given_up(strict: Gateway, engine: FakeEngine) -> None:
    """Its slot at the engine is free again: a caller who does not read is not served."""
    engine.next(fault="endless")
    with dialled(strict) as plug:
        plug.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        plug.sendall(chat(body=STREAM_BODY))
        engine.until(lambda stats: stats["running"] == 1)
        engine.until(lambda stats: stats["running"] == 0)

    assert engine.stats["aborted"] == 1


def test_one_connection_too_many_is_closed(tmp_path: Path, engine: FakeEngine) -> None:
    """At once, and the log counts it; when others leave, there is room again."""
    gateway = Crowded(tmp_path, engine.url).wait()
    gateway.client.close()
    with gateway, ExitStack() as others:
        for _ in range(8):
            others.enter_context(dialled(gateway)).sendall(request(close=False)[:-2])
        with dialled(gateway) as plug:
            assert rest(plug) == b""

        until(lambda: "connections over the maximum were closed" in gateway.log)
        others.close()
        until(lambda: exchange(gateway, request())[0].status == 200)
