"""The layers of every request: request id, headers and errors; then access; then FastAPI's routes.

server -> Correlation -> Access -> FastAPI
"""

import asyncio
import random
import re
from functools import partial

from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.api.paths import MESSAGES
from gateway.endpoints import TOKEN_PATHS
from gateway.errors import ClientGone, Draining, GatewayError
from gateway.http.exchange import Exchange, value_of
from gateway.observability.logs import fault
from gateway.proxy import messages_error
from gateway.safety.wording import Wording
from gateway.services import Services

STOPPING = "This gateway is stopping; send the request again."
NUMBERS = random.Random()  # noqa: S311 - ids are not secret, and it makes no system call
TRACEPARENT = re.compile(rb"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
ACCEPTED_ID = re.compile(rb"[A-Za-z0-9._:-]{1,128}")


class Correlation:
    """The outermost layer: it creates the Exchange of each request, renders every error, and passes
    the finished record to its observers. Nothing else does these things."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        disclaimer_version: str,
        wording: Wording,
    ) -> None:
        self.app = app
        self.wording = wording
        self.disclaimer_version = disclaimer_version.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        exchange = scope["exchange"] = self._open(scope, receive, send)
        try:
            exchange.check()
            await self.app(scope, receive, exchange.send)
        except ClientGone:
            exchange.record.outcome = "client_gone"
        except asyncio.CancelledError:  # the drain timed out; the server would log a fault
            if not exchange.complete:
                await self._refuse(exchange, Draining(STOPPING, retry_after_s=1))
        except GatewayError as error:
            await self._refuse(exchange, error)
        except (
            Exception
        ):  # a bug in the gateway is an error object for the caller, never a traceback
            await self._refuse(exchange, fault(exchange.record.request_id))
        finally:
            observe(exchange)
            # Breaks the reference cycle of scope and exchange: the garbage collector rarely runs.
            del scope["exchange"]

    async def _refuse(self, exchange: Exchange, error: GatewayError) -> None:
        error.message = self.wording.error(error)
        await exchange.refuse(error)

    def _open(self, scope: Scope, receive: Receive, send: Send) -> Exchange:
        own_id = new_id()
        request_id = accepted_id(scope) or own_id
        common: tuple[tuple[bytes, bytes], ...] = (
            (b"x-request-id", request_id),
            (b"x-mmhie-disclaimer-version", self.disclaimer_version),
        )
        name, error_body = request_id.decode(), GatewayError.body
        if is_messages(scope):
            common += ((b"request-id", request_id),)  # the header that Anthropic's clients read
            error_body = partial(messages_error.body, request_id=name)
        exchange = Exchange(
            scope, receive, send, request_id=name, common=common, error_body=error_body
        )
        exchange.record.own_id = own_id.decode()
        return exchange


def accepted_id(scope: Scope) -> bytes:
    """Return the caller's X-Request-Id; empty if it is missing or has unusual characters."""
    sent = value_of(scope["headers"], b"x-request-id")
    return sent if ACCEPTED_ID.fullmatch(sent) else b""


def accepted_traceparent(scope: Scope) -> str | None:
    """Return the caller's traceparent if it is valid."""
    sent = value_of(scope["headers"], b"traceparent")
    return sent.decode() if TRACEPARENT.fullmatch(sent) else None


def new_id() -> bytes:
    return b"%032x" % NUMBERS.getrandbits(128)


def is_messages(scope: Scope) -> bool:
    """Return whether a path belongs to Anthropic's API."""
    path: str = scope.get("path", "")  # missing if the head is invalid
    return path == MESSAGES or path.startswith(MESSAGES + "/")


def observe(exchange: Exchange) -> None:
    """Finish the record and pass it to the observers: limits, metrics, traces, audit, log."""
    record, scope = exchange.record, exchange.scope
    record.finish(getattr(scope.get("route"), "path", "none"))
    services: Services = scope["state"]["services"]
    for observer in services.observers:
        observer(record)


class Access:
    """Authorises the caller before anything else of the request is read."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await enter(scope["exchange"], scope["state"]["services"])
        await self.app(scope, receive, send)


async def enter(exchange: Exchange, services: Services) -> None:
    """Begin the record and the trace of a request, and authorise its caller."""
    record, path = exchange.record, exchange.scope["path"]
    record.is_audited = services.gate.need(path) is not None
    record.is_token_path = path in TOKEN_PATHS
    if services.trail is not None:
        record.traceparent = accepted_traceparent(exchange.scope)
    if services.tracing is not None and record.is_token_path:
        record.trace = services.tracing.begin(exchange)
    gate, headers = services.gate, exchange.scope["headers"]
    record.principal = await gate.identify(path, headers)  # recorded even if it is refused next
    record.principal = gate.authorise(path, record.principal, headers)
