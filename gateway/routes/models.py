"""GET /v1/models and /v1/models/{id}: what may be named in a request."""

from typing import Any

import orjson
from fastapi import APIRouter, Response

from gateway.engine.client import EngineRequest
from gateway.engine.errors import translate
from gateway.engine.phase import PROBE_TIMEOUT_S, fetch
from gateway.errors import EngineGarbled, ModelNotFound
from gateway.state import Services, ServicesDep
from gateway.wire.openai import parse

router = APIRouter(tags=["openai"])

LISTING = EngineRequest("GET", "/v1/models", total_s=PROBE_TIMEOUT_S)


@router.get("/v1/models")
async def models(services: ServicesDep) -> Response:
    """The engine's own listing, less what is not served by name."""
    body, listing = await listed(services)
    served = services.model().ids
    if any(entry.get("id") not in served for entry in listing["data"]):
        entries = [entry for entry in listing["data"] if entry.get("id") in served]
        body = orjson.dumps({**listing, "data": entries})
    return Response(body, media_type="application/json")


@router.get("/v1/models/{model_id:path}")
async def model(model_id: str, services: ServicesDep) -> Response:
    """One entry of the listing; vLLM itself does not serve this path of the OpenAI API."""
    _, listing = await listed(services)
    served = services.model().ids
    for entry in listing["data"]:
        if entry.get("id") == model_id and model_id in served:
            return Response(orjson.dumps(entry), media_type="application/json")
    raise ModelNotFound(
        f"That model is not served here; served: {', '.join(served)}.", param="model"
    )


async def listed(services: Services) -> tuple[bytes, dict[str, Any]]:
    """The engine's listing, as bytes and parsed."""
    services.model()
    status, body = await fetch(services.engine, LISTING)
    if status != 200:
        raise translate(status, body)
    listing = parse(body)
    entries = listing.get("data")
    if not isinstance(entries, list) or not all(isinstance(one, dict) for one in entries):
        raise EngineGarbled("The engine's list of models cannot be read.")
    return body, listing
