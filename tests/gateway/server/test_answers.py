"""Answers of the engine: bounded, and not compressed."""

import gzip

import pytest

from tests.contract.process import Gateway
from tests.contract.surfaces import SURFACES, Surface, name_of, refusal_of
from tests.fake_engine.process import FakeEngine

HEAD = "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"


@pytest.mark.parametrize("surface", SURFACES, ids=name_of)
@pytest.mark.parametrize("status", [400, 500])
def test_an_error_without_end(
    gateway: Gateway, engine: FakeEngine, surface: Surface, status: int
) -> None:
    """Read so far and no further: 502, whatever it would have said."""
    body = '{"error": {"message": "' + "x" * 2_000_000
    engine.next(fault="raw", body=HEAD.format(status=status, length=10**12) + body)
    answer = surface.ask(gateway.client)

    assert refusal_of(answer) == (502, "engine_garbled")


@pytest.mark.parametrize("surface", SURFACES, ids=name_of)
def test_a_compressed_answer(gateway: Gateway, engine: FakeEngine, surface: Surface) -> None:
    """Nobody asked for one, and nothing is unpacked."""
    packed = gzip.compress(b"0" * 1_000_000).decode("latin-1")
    head = HEAD.format(status=200, length=len(packed))
    head = head.replace("\r\n\r\n", "\r\ncontent-encoding: gzip\r\n\r\n")
    engine.next(fault="raw", body=head + packed)
    answer = surface.ask(gateway.client)

    assert refusal_of(answer) == (502, "engine_garbled")
