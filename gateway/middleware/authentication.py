"""Who may reach the paths that are not model routes; those ask the gate themselves."""

from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.errors import GatewayError
from gateway.http.exchange import Exchange
from gateway.logs import fault
from gateway.services import Services


class Authentication:
    """Closed unless a path is listed as open, unknown paths included; what is closed is audited."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        services: Services = scope["state"]["services"]
        exchange: Exchange = scope["exchange"]
        try:
            exchange.client = await services.gate.admit(scope["path"], scope["headers"])
            await self.app(scope, receive, send)
        except GatewayError as error:
            await exchange.refuse(error)
        except Exception:  # as in the outermost layer, which would be too late for the audit
            await exchange.refuse(fault(exchange.request_id))
        finally:
            if services.gate.requires_key(scope["path"]):
                services.trail.record(exchange, route_of(scope))


def route_of(scope: Scope) -> str:
    """The path as it was declared: what a caller writes in a path stays out of the trail."""
    return getattr(scope.get("route"), "path", "none")
