"""GET /docs: the interactive API documentation, from local files."""

from fastapi import APIRouter

from gateway.console.assets import DOCS, HEADERS, load
from gateway.console.files import files_router

PREFIX = "/docs/"
# The viewer needs inline styles and data URLs for its icons. It shows /openapi.json only, nothing
# that a model has written.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)


def make_router() -> APIRouter:
    headers = {**HEADERS, "content-security-policy": POLICY}
    return files_router(load({}, DOCS), headers, page="/docs", prefix=PREFIX)
