"""GET /v1/models and /v1/models/{id}: what may be named in a request."""

from typing import Any

from fastapi import APIRouter

from gateway.engine.client import EngineRequest
from gateway.engine.errors import translate
from gateway.engine.watch import PROBE_TIMEOUT_S
from gateway.errors import EngineGarbled, ModelNotFound
from gateway.proxy.openai_json import parse
from gateway.services import Services, ServicesDep

router = APIRouter(tags=["openai"])

LISTING = EngineRequest("GET", "/v1/models", total_s=PROBE_TIMEOUT_S)


@router.get("/v1/models")
async def models(services: ServicesDep) -> dict[str, Any]:
    """The engine's own listing, less what is not served by name."""
    listing = await listed(services)
    return {**listing, "data": published(listing["data"], services.model().ids)}


@router.get("/v1/models/{model_id:path}")
async def model(model_id: str, services: ServicesDep) -> dict[str, Any]:
    """One entry of the listing; vLLM itself does not serve this path of the OpenAI API."""
    served = services.model().ids
    for entry in published((await listed(services))["data"], served):
        if entry["id"] == model_id:
            return entry
    raise ModelNotFound(
        f"That model is not served here; served: {', '.join(served)}.", param="model"
    )


def published(entries: list[dict[str, Any]], served: tuple[str, ...]) -> list[dict[str, Any]]:
    """The served entries, less `root`: it is a folder of the engine's machine."""
    return [
        {**entry, "root": entry["id"]} if "root" in entry else entry
        for entry in entries
        if entry.get("id") in served
    ]


async def listed(services: Services) -> dict[str, Any]:
    """The engine's listing; raises what its refusal means, or EngineGarbled."""
    services.model()
    status, body = await services.engine.fetch(LISTING)
    if status != 200:
        raise translate(status, body)
    listing = parse(body)
    entries = listing.get("data")
    if not isinstance(entries, list) or not all(isinstance(one, dict) for one in entries):
        raise EngineGarbled("The engine's list of models cannot be read.")
    return listing
