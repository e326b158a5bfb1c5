"""GET /v1/mmhie/model-card: the served model's card, as JSON or, for a browser, as a page."""

from fastapi import Request
from fastapi.responses import HTMLResponse, JSONResponse, Response

from gateway.model_card.card import ModelCard
from gateway.model_card.page import HEADERS, page
from gateway.services import ServicesDep

VARY = {"vary": "accept"}


async def model_card(request: Request, services: ServicesDep) -> Response:
    """Model card, as JSON or as a page (`Accept: text/html`); 503 while the model is unknown."""
    card = ModelCard(
        services.serving(services.served()),
        services.labels.disclaimer,
        services.screener,
        services.settings.disclaimer_contact,
        services.operator_card(),
        services.answering,
    ).document()
    if is_browser(request.headers.get("accept", "")):
        return HTMLResponse(page(card), headers=VARY | HEADERS)
    return JSONResponse(card, headers=VARY)


def is_browser(accept: str) -> bool:
    """Return whether HTML is asked for by name; who takes anything gets JSON."""
    return "text/html" in accept and "application/json" not in accept
