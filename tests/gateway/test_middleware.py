"""The outermost layer on a real server: ids, one log line, error objects, no false end."""

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
from tests.waiting import PATIENCE_S, eventually

Handler = Callable[[Exchange], Awaitable[None]]
CANARY = "the patient said so"


class Lines:
    """A handler that stores log lines."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        self._caplog = caplog

    @property
    def raw(self) -> list[str]:
        return list(map(JsonFormatter().format, self._caplog.records))

    def requests(self) -> list[dict[str, Any]]:
        return [line for raw in self.raw if (line := json.loads(raw))["event"] == "request"]


def with_log(app: Any) -> Any:
    """Return the application with the log as the only observer."""

    async def outermost(scope: Any, receive: Any, send: Any) -> None:
        scope["state"]["services"] = SimpleNamespace(observers=(log_request,))
        await app(scope, receive, send)

    return outermost


@contextlib.asynccontextmanager
async def served(handler: Handler) -> AsyncIterator[tuple[httpx2.AsyncClient, uvicorn.Server]]:
    """Run our server in this loop around one handler."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await handler(scope["exchange"])

    layers: Any = with_log(Correlation(app, disclaimer_version="7", wording=wording("en")))
    config = server_config(layers, GatewaySettings())
    config.lifespan, config.timeout_graceful_shutdown = "off", 0
    server = uvicorn.Server(config)
    async with (
        listening(server) as port,
        httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE_S) as client,
    ):
        yield client, server


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Lines:
    caplog.set_level("INFO", logger="gateway")
    return Lines(caplog)


def in_band(error: GatewayError) -> bytes:
    """Render an error as the end of a stream of events."""
    return sse.encode(error.envelope()) + sse.DONE


async def hello(exchange: Exchange) -> None:
    await exchange.respond(200, b"{}")


IDS = {"abc-1.2:3_4": True, "a" * 128: True}
OTHERS = dict.fromkeys(("a" * 129, "", "a b", "a/b", "caf\u00e9"), False)


@pytest.mark.parametrize(("sent", "kept"), (IDS | OTHERS).items())
async def test_the_request_id(sent: str, kept: bool, lines: Lines) -> None:
    """The caller's if it is valid, else a new one; in the answer and in the log."""
    async with served(hello) as (client, _):
        answer = await client.get("/", headers=[(b"x-request-id", sent.encode("latin-1"))])
        other = await client.get("/")
    told = answer.headers["x-request-id"]
    assert (told == sent) is kept
    assert len(told) == 32 or kept
    assert other.headers["x-request-id"] != told
    assert answer.headers["x-mmhie-disclaimer-version"] == "7"
    assert lines.requests()[0]["request_id"] == told


async def test_a_fault_is_an_error_object(lines: Lines) -> None:
    """A 500 with the usual headers; the log names type and place, not the message."""

    async def broken(exchange: Exchange) -> None:
        raise ValueError(CANARY)

    async with served(broken) as (client, _):
        answer = await client.get("/")
    assert answer.status_code == 500
    told = {"message": FAULT, "type": "server_error", "param": None, "code": "internal"}
    assert answer.json() == {"error": told}
    assert answer.headers["x-request-id"]
    fault = next(line for raw in lines.raw if (line := json.loads(raw))["event"] == "fault")
    assert fault["exception"] == "ValueError"
    assert fault["at"][-1].endswith("broken")
    assert fault["request_id"] == answer.headers["x-request-id"]
    assert CANARY not in "".join(lines.raw)
    assert lines.requests()[0]["outcome"] == "internal"


async def receive_into(received: bytearray, client: httpx2.AsyncClient) -> None:
    async with client.stream("GET", "/") as answer:
        async for part in answer.aiter_raw():
            received += part


@pytest.mark.parametrize("fault", [ValueError(CANARY), EngineCut("Cut."), asyncio.CancelledError()])
@pytest.mark.parametrize("length", [None, b"100"])
async def test_a_fault_after_the_first_byte_cuts_the_connection(
    fault: BaseException, length: bytes | None, lines: Lines
) -> None:
    """Chunked or with a length, the caller sees that the body is incomplete."""

    async def broken(exchange: Exchange) -> None:
        await exchange.start(200, [(b"content-length", length)] if length else [])
        await exchange.write(b"half an ans")
        raise fault

    async with served(broken) as (client, _):
        received = bytearray()
        with pytest.raises(httpx2.RemoteProtocolError):
            await receive_into(received, client)
    assert received == b"half an ans"
    assert CANARY not in "".join(lines.raw)
    assert lines.requests()[0]["outcome"] in ("internal", "engine_cut", "draining")


@pytest.mark.parametrize(
    ("fault", "code"), [(ValueError(CANARY), "internal"), (EngineCut("Cut."), "engine_cut")]
)
async def test_a_fault_in_a_stream_is_its_last_words(
    fault: Exception, code: str, lines: Lines
) -> None:
    """An error event, then a proper end, for clients that parse events."""

    async def stream(exchange: Exchange) -> None:
        await exchange.start(200, EVENT_STREAM, last_words=in_band)
        await exchange.write(b'data: {"delta":"a"}\n\n')
        raise fault

    async with served(stream) as (client, _):
        answer = await client.get("/")
    *_, last, done = sse.EventBuffer().feed(answer.content)
    assert json.loads(sse.payload(last))["error"]["code"] == code
    assert done == sse.DONE
    assert CANARY not in answer.text + "".join(lines.raw)
    assert lines.requests()[0]["outcome"] == code


@pytest.mark.parametrize("started", [False, True])
async def test_when_the_drain_runs_out(started: bool, lines: Lines) -> None:
    """A request without its first byte gets a 503; a stream gets an error event."""
    asked = asyncio.Event()

    async def slow(exchange: Exchange) -> None:
        if started:
            await exchange.start(200, EVENT_STREAM, last_words=in_band)
            await exchange.write(b": hello\n\n")
        asked.set()
        await asyncio.sleep(30)

    async with served(slow) as (client, server):
        asking = asyncio.create_task(client.get("/"))
        await asked.wait()
        server.should_exit = True
        answer = await asking
    assert answer.status_code == (200 if started else 503)
    content = sse.payload(sse.EventBuffer().feed(answer.content)[1]) if started else answer.content
    assert json.loads(content)["error"]["code"] == "draining"
    assert lines.requests()[0]["outcome"] == "draining"


async def test_cancelled_after_the_last_byte(lines: Lines) -> None:
    """The response is complete: nothing is added."""

    async def late(exchange: Exchange) -> None:
        await exchange.start(200, EVENT_STREAM, last_words=lambda error: b"more")
        await exchange.finish(b"data: 1\n\n")
        raise asyncio.CancelledError

    async with served(late) as (client, _):
        answer = await client.get("/")
    assert answer.content == b"data: 1\n\n"
    assert "RuntimeError" not in "".join(lines.raw)
    assert lines.requests()[0]["status"] == 200


async def test_a_caller_who_left_is_no_fault(lines: Lines) -> None:
    """A caller who left is an outcome without an error."""
    asked, stopped = asyncio.Event(), asyncio.Event()

    async def slow(exchange: Exchange) -> None:
        try:
            with exchange.watched(set()):
                asked.set()
                await asyncio.Event().wait()
        finally:
            stopped.set()

    async with served(slow) as (client, _):
        asking = asyncio.create_task(client.get("/"))
        await asked.wait()
        asking.cancel()
        await asyncio.wait_for(stopped.wait(), PATIENCE_S)
        await eventually(lambda: bool(lines.requests()))
    assert lines.requests()[0]["outcome"] == "client_gone"
    assert lines.requests()[0]["status"] == 0
    assert "fault" not in "".join(lines.raw)
