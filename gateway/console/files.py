"""Routes of a page and its files."""

from collections.abc import Mapping

from fastapi import APIRouter, Request, Response

from gateway.console.assets import INDEX, Asset
from gateway.errors import NotFound

METHODS = ["GET", "HEAD"]


def files_router(
    assets: Mapping[str, Asset], headers: Mapping[str, str], *, page: str, prefix: str
) -> APIRouter:
    """Return the routes of the index, at `page`, and of all files, below `prefix`."""
    router = APIRouter(include_in_schema=False)

    async def index(request: Request) -> Response:
        return await file(INDEX, request)

    async def file(name: str, request: Request) -> Response:
        asset = assets.get(name)
        if asset is None:
            raise NotFound(f"There is no such file; the page is at {page}.")
        tagged = {**headers, "etag": asset.etag}
        if asset.is_known_by(request.headers.get("if-none-match")):
            return Response(status_code=304, headers=tagged)
        return Response(asset.body, headers=tagged, media_type=asset.media)

    router.add_api_route(page, index, methods=METHODS)
    router.add_api_route(prefix + "{name:path}", file, methods=METHODS)
    return router
