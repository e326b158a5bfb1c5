"""GET /docs: the API's interactive description, from files of our own."""

from fastapi import APIRouter

from gateway.console.assets import DOCS, HEADERS, load
from gateway.console.files import files_router

PREFIX = "/docs/"
# As the console's, but for what the viewer needs: it makes markup and styles from strings, and its
# icons are data. What it shows is our own description, and nothing that a model has written.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)


def router_of() -> APIRouter:
    """Return its routes."""
    headers = {**HEADERS, "content-security-policy": POLICY}
    return files_router(load({}, DOCS), headers, page="/docs", prefix=PREFIX)
