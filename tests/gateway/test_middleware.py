"""The outermost layer on a real server: a fault of ours is an error object, and no false end."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import httpx2
import pytest
import uvicorn

from gateway.errors import FAULT, EngineCut, GatewayError
from gateway.http import sse
from gateway.http.exchange import Exchange
from gateway.middleware import Correlation
from gateway.observability.logs import JsonFormatter, log_request
from gateway.pipeline import EVENT_STREAM
from gateway.safety.wording import wording
from gateway.server.drain import server_config
from gateway.settings.gateway import GatewaySettings
from tests.gateway.served import listening
from tests.waiting import PATIENCE_S

CANARY = "the patient said so"
Handler = Callable[[Exchange], Awaitable[None]]


@contextlib.asynccontextmanager
async def served(handler: Handler) -> AsyncIterator[httpx2.AsyncClient]:
    """Run our server in this loop around one handler, with the log as the only observer."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await handler(scope["exchange"])

    correlated = Correlation(app, disclaimer_version="7", wording=wording("en"))

    async def outermost(scope: Any, receive: Any, send: Any) -> None:
        scope["state"]["services"] = SimpleNamespace(observers=(log_request,))
        await correlated(scope, receive, send)

    config = server_config(outermost, GatewaySettings())  # type: ignore[arg-type] # no application of FastAPI's
    config.lifespan, config.timeout_graceful_shutdown = "off", 0
    async with (
        listening(uvicorn.Server(config)) as port,
        httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE_S) as client,
    ):
        yield client


def logged(caplog: pytest.LogCaptureFixture, event: str) -> dict[str, Any]:
    """Return the first line of an event; no line has the canary."""
    lines = list(map(JsonFormatter().format, caplog.records))
    assert CANARY not in "".join(lines)
    return next(line for line in map(json.loads, lines) if line["event"] == event)


@pytest.fixture(autouse=True)
def is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="gateway")


def in_band(error: GatewayError) -> bytes:
    """Render an error as the end of a stream of events."""
    return sse.encode(error.envelope()) + sse.DONE


async def test_a_fault_is_an_error_object(caplog: pytest.LogCaptureFixture) -> None:
    """A 500 with the usual headers; the log names type and place, not the message."""

    async def broken(exchange: Exchange) -> None:
        raise ValueError(CANARY)

    async with served(broken) as client:
        answer = await client.get("/")
    fault = logged(caplog, "fault")

    assert answer.status_code == 500
    told = {"message": FAULT, "type": "server_error", "param": None, "code": "internal"}
    assert answer.json() == {"error": told}
    assert fault["exception"] == "ValueError"
    assert fault["at"][-1].endswith("broken")
    assert fault["request_id"] == answer.headers["x-request-id"]
    assert logged(caplog, "request")["outcome"] == "internal"


async def receive_into(received: bytearray, client: httpx2.AsyncClient) -> None:
    async with client.stream("GET", "/") as answer:
        async for part in answer.aiter_raw():
            received += part


@pytest.mark.parametrize("fault", [ValueError(CANARY), EngineCut("Cut."), asyncio.CancelledError()])
@pytest.mark.parametrize("length", [None, b"100"])
async def test_a_fault_after_the_first_byte_cuts_the_connection(
    fault: BaseException, length: bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    """Chunked or with a length, the caller sees that the body is incomplete."""

    async def broken(exchange: Exchange) -> None:
        await exchange.start(200, [(b"content-length", length)] if length else [])
        await exchange.write(b"half an ans")
        raise fault

    received = bytearray()
    async with served(broken) as client:
        with pytest.raises(httpx2.RemoteProtocolError):
            await receive_into(received, client)
    assert received == b"half an ans"
    assert logged(caplog, "request")["outcome"] in ("internal", "engine_cut", "draining")


@pytest.mark.parametrize(
    ("fault", "code"), [(ValueError(CANARY), "internal"), (EngineCut("Cut."), "engine_cut")]
)
async def test_a_fault_in_a_stream_is_its_last_words(
    fault: Exception, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    """An error event, then a proper end, for clients that parse events."""

    async def stream(exchange: Exchange) -> None:
        await exchange.start(200, EVENT_STREAM, last_words=in_band)
        await exchange.write(b'data: {"delta":"a"}\n\n')
        raise fault

    async with served(stream) as client:
        answer = await client.get("/")
    *_, last, done = sse.EventBuffer().feed(answer.content)
    assert json.loads(sse.payload(last))["error"]["code"] == code
    assert done == sse.DONE
    assert CANARY not in answer.text
    assert logged(caplog, "request")["outcome"] == code
