"""A gateway in the event loop of the test, so that its clock is the test's."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from typing import Any

from fastapi import FastAPI

from gateway.app import create_app
from gateway.server.drain import DrainingServer
from gateway.settings.gateway import GatewaySettings


@contextlib.asynccontextmanager
async def served(engine_url: str, **more: Any) -> AsyncIterator[int]:
    """A gateway in this loop; its port."""
    async with served_app(engine_url, **more) as (port, _):
        yield port


@contextlib.asynccontextmanager
async def served_app(engine_url: str, **more: Any) -> AsyncIterator[tuple[int, FastAPI]]:
    """A gateway in this loop; its port, and the application."""
    async with server_of(engine_url, **more) as (port, server):
        yield port, server.app


@contextlib.asynccontextmanager
async def server_of(engine_url: str, **more: Any) -> AsyncIterator[tuple[int, DrainingServer]]:
    """A gateway in this loop; its port, and the server."""
    settings = GatewaySettings(engine_url=engine_url, **more)
    server = DrainingServer(create_app(settings), settings)
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign,assignment] # pytest's own
    plug = socket.create_server(("127.0.0.1", 0))
    running = asyncio.create_task(server.serve(sockets=[plug]))
    try:
        yield plug.getsockname()[1], server
    finally:
        server.should_exit = True
        await running
        plug.close()
