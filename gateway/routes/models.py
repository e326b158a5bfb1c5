"""GET /v1/models and /v1/models/{id}: the models that a request may name."""

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from gateway.engine.client import EngineRequest
from gateway.engine.errors import translate
from gateway.engine.openai_json import parse
from gateway.engine.watch import PROBE_TIMEOUT_S
from gateway.errors import EngineGarbled
from gateway.proxy.handler import model_not_found
from gateway.runtime.json_types import Json
from gateway.services import Services, ServicesDep

router = APIRouter(tags=["openai"])
LISTING = EngineRequest("GET", "/v1/models", total_s=PROBE_TIMEOUT_S)


class ModelEntry(BaseModel):
    """A served model, as the engine lists it: described here, and passed on unchanged."""

    model_config = ConfigDict(extra="allow")

    id: str
    object: str = "model"


class ModelList(BaseModel):
    """The served models, as the engine lists them."""

    model_config = ConfigDict(extra="allow")

    data: list[ModelEntry]
    object: str = "list"


@router.get("/v1/models", response_model=None, responses={200: {"model": ModelList}})
async def models(services: ServicesDep) -> Json:
    """List the served models, as the engine does."""
    listing = await listed(services)
    return {**listing, "data": published(listing["data"], services.model().ids)}


@router.get(
    "/v1/models/{model_id:path}", response_model=None, responses={200: {"model": ModelEntry}}
)
async def model(model_id: str, services: ServicesDep) -> Json:
    """Return one served model; vLLM itself does not have this endpoint."""
    served = services.model().ids
    for entry in published((await listed(services))["data"], served):
        if entry["id"] == model_id:
            return entry
    raise model_not_found(served)


def published(entries: list[Json], served: tuple[str, ...]) -> list[Json]:
    """The served entries, less `root`: it is a folder of the engine's machine."""
    return [
        {**entry, "root": entry["id"]} if "root" in entry else entry
        for entry in entries
        if entry.get("id") in served
    ]


async def listed(services: Services) -> Json:
    """The engine's listing; raises what its refusal means, or EngineGarbled."""
    services.model()
    status, body = await services.engine.fetch(LISTING)
    if status != 200:
        raise translate(status, body)
    listing = parse(body)
    entries = listing.get("data")
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise EngineGarbled("The engine's list of models is not a list; check its /v1/models.")
    return listing
