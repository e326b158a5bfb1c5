"""The outermost layer: a request id, the headers of every response, one log line, no bare 500."""

import asyncio
import random
import re

from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.auth.cors import CorsPolicy
from gateway.errors import ClientGone, Draining, GatewayError
from gateway.http.exchange import Exchange
from gateway.http.headers import value_of
from gateway.logs import fault, told

STOPPING = "This gateway is stopping; send the request again."
NUMBERS = random.Random()  # noqa: S311 - an id is a name, no secret, and costs no system call
ACCEPTED_ID = re.compile(rb"[A-Za-z0-9._:-]{1,128}")


class Correlation:
    """Gives each request its Exchange and sees it to its end, whatever happens inside."""

    def __init__(
        self, app: ASGIApp, *, disclaimer_version: str, origins: CorsPolicy | None = None
    ) -> None:
        self.app = app
        self.origins = origins
        self.disclaimer_version = disclaimer_version.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        exchange = scope["exchange"] = self._open(scope, receive, send)
        try:
            exchange.check()
            if self.origins is None or not await preflight(exchange, self.origins):
                await self.app(scope, receive, exchange.send)
        except ClientGone:
            exchange.outcome = "client_gone"
        except asyncio.CancelledError:  # the drain ran out
            await exchange.refuse(Draining(STOPPING, retry_after_s=1))
            raise
        except GatewayError as error:
            await exchange.refuse(error)
        except Exception:  # the last wall: a fault of ours is an error object, never a traceback
            await exchange.refuse(fault(exchange.request_id))
        finally:
            note(exchange)
            # A circle of scope, exchange and the server's own would wait for the collector, which
            # comes to what has lived long once in a hundred million allocations.
            del scope["exchange"]

    def _open(self, scope: Scope, receive: Receive, send: Send) -> Exchange:
        request_id = request_id_of(scope)
        common: tuple[tuple[bytes, bytes], ...] = (
            (b"x-request-id", request_id),
            (b"x-mmhie-disclaimer-version", self.disclaimer_version),
        )
        if self.origins is not None:
            common += self.origins.headers(scope["headers"])
        return Exchange(scope, receive, send, request_id=request_id.decode(), common=common)


async def preflight(exchange: Exchange, origins: CorsPolicy) -> bool:
    """Whether this was a browser's question beforehand; it has its answer then."""
    told = origins.preflight(exchange.scope["method"], exchange.scope["headers"])
    if told is None:
        return False
    await exchange.start(204, told)
    await exchange.finish()
    return True


def request_id_of(scope: Scope) -> bytes:
    """The caller's X-Request-Id where it is harmless, else a new one."""
    sent = value_of(scope["headers"], b"x-request-id")
    return sent if ACCEPTED_ID.fullmatch(sent) else b"%032x" % NUMBERS.getrandbits(128)


def note(exchange: Exchange) -> None:
    """One line per request: who asked is in the audit, what was asked is nowhere."""
    route = exchange.facts.pop("route", None) or getattr(exchange.scope.get("route"), "path", None)
    told(
        "request",
        {
            "request_id": exchange.request_id,
            "method": exchange.scope["method"],
            "route": route or "none",
            "status": exchange.status,
            "outcome": exchange.outcome,
            "ms": exchange.elapsed_ms(),
            **exchange.facts,
        },
    )
