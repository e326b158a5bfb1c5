"""The process: a port of its own, ready until told to stop, then settle, drain and exit code 0."""

import asyncio
import signal

import pytest

from tests.contract.fixtures import Start
from tests.contract.surfaces import WHOLES
from tests.fake_engine.process import FakeEngine
from tests.gateway.served import served
from tests.waiting import until


async def test_what_a_stopping_server_has_not_read_is_answered() -> None:
    """A request that meets the stop in the socket gets an answer, and the connection ends; one
    that says nothing is closed."""
    async with served("unix:/nowhere") as (port, server):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        quiet, other = await asyncio.open_connection("127.0.0.1", port)
        while len(server.server_state.connections) < 2:
            await asyncio.sleep(0)
        for connection in tuple(server.server_state.connections):
            connection.shutdown()
        writer.write(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
        answer = await reader.read()

        assert answer.startswith(b"HTTP/1.1 200 ")
        assert b"connection: close" in answer.lower()
        assert await quiet.read() == b""
        writer.close()
        other.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_on_until_a_second_signal(
    start: Start, engine: FakeEngine, number: signal.Signals
) -> None:
    """Balancers see /readyz and turn away; until they have, questions are answered. A second signal
    does it now, with exit code 0, and no fault in the log."""
    gateway = start(engine.url, MMHIE_SETTLE_SECONDS="3600").wait()
    gateway.signal(number)
    until(lambda: not gateway.answers("/readyz"))
    assert WHOLES[0].ask(gateway.client).status_code == 200
    assert gateway.client.get("/healthz").status_code == 200
    gateway.signal(number)
    assert gateway.exit_code() == 0
    assert "Traceback" not in gateway.log
