"""A gateway in the event loop of the test, which can set its clock."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from typing import Any

import uvicorn

from gateway.app import create_app
from gateway.server.drain import DrainingServer
from gateway.settings.gateway import GatewaySettings


@contextlib.asynccontextmanager
async def listening(server: uvicorn.Server) -> AsyncIterator[int]:
    """Run a server in this loop; return its port."""
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign,assignment] # pytest's own
    plug = socket.create_server(("127.0.0.1", 0))
    running = asyncio.create_task(server.serve(sockets=[plug]))
    try:
        yield plug.getsockname()[1]
    finally:
        server.should_exit = True
        await running
        plug.close()


@contextlib.asynccontextmanager
async def served(engine_url: str, **more: Any) -> AsyncIterator[tuple[int, DrainingServer]]:
    """Run a gateway in this loop; return its port and the server."""
    settings = GatewaySettings(engine_url=engine_url, **more)
    server = DrainingServer(create_app(settings), settings)
    async with listening(server) as port:
        yield port, server


async def post(port: int, request: object, path: str = "/v1/chat/completions") -> bytes:
    """Return the whole response to one request, over a new connection."""
    body = json.dumps(request).encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = f"POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n"
    writer.write(f"{head}content-type: application/json\r\nconnection: close\r\n\r\n".encode())
    writer.write(body)
    answer = await reader.read()
    writer.close()
    return answer


async def until_ready(port: int) -> None:
    """Wait until the gateway has seen its engine ready."""
    while b" 200 OK" not in await post(port, chat_request()):
        await asyncio.sleep(0.05)


def chat_request(prompt: str = "Hi.", **more: object) -> dict[str, object]:
    """Return a streamed chat request."""
    turns = [{"role": "user", "content": prompt}]
    return {"model": "fake-model", "stream": True, "messages": turns, **more}
