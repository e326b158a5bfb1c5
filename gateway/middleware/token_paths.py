"""The shortest way to the engine: model routes bypass the framework's route machinery.

Measured, a FastAPI route costs about 0.17 ms a request before it does anything; everything that
is not a model route goes on to FastAPI.
"""

import asyncio
from collections.abc import Mapping
from typing import Protocol

from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.errors import ClientGone, Draining, EngineUnavailable, GatewayError, MethodNotAllowed
from gateway.http.exchange import Exchange
from gateway.http_metrics import HttpMetrics, number
from gateway.logs import fault
from gateway.metrics import Metrics
from gateway.services import Services


class TokenRoute(Protocol):
    """Answers one exchange with model output."""

    async def __call__(self, exchange: Exchange, services: Services) -> None: ...


class TokenPaths:
    """Dispatches by exact path; counts what it served in the framework's own HTTP metrics too."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        routes: Mapping[str, TokenRoute],
        metrics: Metrics,
        http: HttpMetrics,
    ) -> None:
        self.app = app
        self.routes = routes
        self.metrics = metrics
        self.http = http

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        route = self.routes.get(scope["path"]) if scope["type"] == "http" else None
        if route is None:
            await self.app(scope, receive, send)
            return
        exchange: Exchange = scope["exchange"]
        exchange.facts["route"] = scope["path"]
        services: Services = scope["state"]["services"]
        if services.tracing is not None:
            exchange.trace = services.tracing.begin(exchange)
        try:
            await answer(route, exchange, services)
        finally:
            self._count(exchange)
            if exchange.trace is not None:
                exchange.trace.end()
            services.trail.record(exchange, scope["path"])

    def _count(self, exchange: Exchange) -> None:
        seconds = exchange.elapsed_ms() / 1000
        path = exchange.scope["path"]
        self.metrics.count(self.metrics.requests, path, exchange.outcome)
        self.metrics.duration.observe(seconds)
        group = f"{exchange.status // 100 or 4}xx"  # no status: the caller left before one
        came_in = number(exchange.header(b"content-length"))
        self.http.note(path, exchange.scope["method"], group, seconds, (came_in, 0))


async def answer(route: TokenRoute, exchange: Exchange, services: Services) -> None:
    """Run a route to its end, whatever that is, so that it can be counted."""
    try:
        if exchange.scope["method"] != "POST":
            raise MethodNotAllowed("This path takes POST only.", allow="POST")
        await admitted(route, exchange, services)
    except ClientGone:
        exchange.outcome = "client_gone"
    except asyncio.CancelledError:  # the drain ran out; the outermost layer tells the caller
        if not exchange.complete:
            exchange.outcome = Draining.code
        raise
    except GatewayError as error:
        if isinstance(error, EngineUnavailable):
            services.watch.recheck()
        await exchange.refuse(error)
    except Exception:  # as in the outermost layer, which would be too late for the metrics
        await exchange.refuse(fault(exchange.request_id))


async def admitted(route: TokenRoute, exchange: Exchange, services: Services) -> None:
    """Run a route for a client that may use it and is within its limits."""
    scope, limiter = exchange.scope, services.gate.limiter
    client = exchange.client = await services.gate.admit(scope["path"], scope["headers"])
    services.trail.check()
    leave = await limiter.acquire(client)
    services.trail.open(exchange)
    try:
        await route(exchange, services)
    finally:
        leave(tokens=exchange.tokens())
