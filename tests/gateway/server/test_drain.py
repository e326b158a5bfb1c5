"""The process: a port of its own, ready until told to stop, then settle, drain and exit code 0."""

import asyncio
import signal
import subprocess
import sys
from types import SimpleNamespace

import pytest
from fastapi import FastAPI

from gateway.engine.client import EngineClient
from gateway.engine.watch import EngineWatch
from gateway.server.drain import DrainingServer
from gateway.settings.gateway import GatewaySettings
from tests.contract.fixtures import Start
from tests.contract.process import ROOT
from tests.contract.surfaces import WHOLES
from tests.fake_engine.process import FakeEngine
from tests.gateway.served import served
from tests.waiting import until


def test_it_serves_on_while_it_settles(start: Start, engine: FakeEngine) -> None:
    """Balancers see /readyz and turn away; until they have, questions are answered."""
    gateway = start(engine.url, MMHIE_SETTLE_SECONDS="3600").wait()
    gateway.signal()
    until(lambda: not gateway.answers("/readyz"))
    assert WHOLES[0].ask(gateway.client).status_code == 200
    assert gateway.client.get("/healthz").status_code == 200


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_once_settled(start: Start, engine: FakeEngine, number: signal.Signals) -> None:
    """By itself, with exit code 0 and no traceback in the log."""
    gateway = start(engine.url, MMHIE_SETTLE_SECONDS="0.2").wait()
    gateway.signal(number)
    assert gateway.exit_code() == 0
    assert "Traceback" not in gateway.log


# The program up to its first import, which takes a second: from there on it cannot go.
UP_TO_THE_IMPORT = """
import signal, sys
import gateway.__main__ as program
sys.modules["gateway.processes"] = None
try:
    program.main()
except ImportError:
    sys.exit(signal.getsignal(signal.SIGHUP) != signal.SIG_IGN)
"""


def test_a_reload_before_it_serves_ends_nothing() -> None:
    """SIGHUP would end a process that has not said otherwise, so that is said first."""
    done = subprocess.run([sys.executable, "-c", UP_TO_THE_IMPORT], cwd=ROOT, check=False)

    assert done.returncode == 0


def test_once_settled_it_refuses() -> None:
    """Requests over an open connection are told to go elsewhere; once is enough. A server that has
    not started has nothing to drain."""
    app = FastAPI()
    watch = EngineWatch(EngineClient("unix:/nowhere"), None)
    app.state.services = SimpleNamespace(watch=watch)
    server = DrainingServer(app, GatewaySettings.model_construct())
    server.drain()
    assert (watch.phase, watch.refusing, server.should_exit) == ("draining", True, True)
    assert not server.force_exit
    server.drain()
    assert server.force_exit

    early = DrainingServer(FastAPI(), GatewaySettings.model_construct())
    early.drain()
    assert (early.should_exit, early.force_exit) == (True, False)


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
def test_a_second_signal_does_it_now(
    start: Start, engine: FakeEngine, number: signal.Signals
) -> None:
    """Stop at once, with exit code 0."""
    gateway = start(engine.url, MMHIE_SETTLE_SECONDS="3600").wait()
    gateway.signal(number)
    until(lambda: not gateway.answers("/readyz"))
    gateway.signal(number)
    assert gateway.exit_code() == 0
