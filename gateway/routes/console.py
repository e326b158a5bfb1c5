"""GET /: the console page and its files. Open to anybody; its requests carry a key."""

from fastapi import APIRouter, Request, Response

from gateway.console.assets import HEADERS, INDEX, load
from gateway.errors import NotFound
from gateway.safety.disclaimer import Disclaimer
from gateway.settings import GatewaySettings

PREFIX = "/console/"
METHODS = ["GET", "HEAD"]


def router_of(settings: GatewaySettings, disclaimer: Disclaimer) -> APIRouter:
    """Its routes; the notice is in the page itself, so it is read before any script has run."""
    router = APIRouter(include_in_schema=False)
    assets = load(
        {
            "disclaimer": disclaimer.text,
            "language": disclaimer.language,
            "max_tokens": settings.max_tokens,
            "reasoning": settings.reasoning,
        }
    )

    async def page(request: Request) -> Response:
        return await file(INDEX, request)

    async def file(name: str, request: Request) -> Response:
        asset = assets.get(name)
        if asset is None:
            raise NotFound("The console has no such file; its page is at /.")
        headers = {**HEADERS, "etag": asset.etag}
        if asset.is_known_by(request.headers.get("if-none-match")):
            return Response(status_code=304, headers=headers)
        return Response(asset.body, headers=headers, media_type=asset.media)

    router.add_api_route("/", page, methods=METHODS)
    router.add_api_route(PREFIX + "{name:path}", file, methods=METHODS)
    return router
