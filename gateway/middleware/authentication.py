"""Who may reach the paths that are not model routes; those ask the gate themselves."""

from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.state import Services


class Authentication:
    """Closed unless a path is listed as open, unknown paths included."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            services: Services = scope["state"]["services"]
            exchange = scope["exchange"]
            exchange.client = await services.gate.admit(scope["path"], scope["headers"])
        await self.app(scope, receive, send)
