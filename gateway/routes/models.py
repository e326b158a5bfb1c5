"""GET /v1/models and /v1/models/{id}: the models that a request may name."""

from functools import partial

import orjson
from fastapi import APIRouter, Response
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
    """A served model, passed on as the engine lists it."""

    model_config = ConfigDict(extra="allow")

    id: str
    object: str = "model"


class ModelList(BaseModel):
    """The served models, as the engine lists them."""

    model_config = ConfigDict(extra="allow")

    data: list[ModelEntry]
    object: str = "list"


@router.get("/v1/models", response_model=None, responses={200: {"model": ModelList}})
async def models(services: ServicesDep) -> Response:
    """List the served models, as the engine does; also during a hold, so that a chat page shows the
    downtime message instead of an empty choice."""
    listing = await fetch_listing(services)
    served = filter_served(listing["data"], services.served_model().ids)
    return write_page({**listing, "data": served})


@router.get(
    "/v1/models/{model_id:path}", response_model=None, responses={200: {"model": ModelEntry}}
)
async def model(model_id: str, services: ServicesDep) -> Response:
    """Return one served model; vLLM itself does not have this endpoint."""
    served = services.served_model().ids
    for entry in filter_served((await fetch_listing(services))["data"], served):
        if entry["id"] == model_id:
            return write_page(entry)
    raise model_not_found(served)


def write_page(page: Json) -> Response:
    """Return a JSON response; FastAPI's own encoder would take 300 ms for the largest listing."""
    return Response(orjson.dumps(page), media_type="application/json")


def filter_served(entries: list[Json], served: tuple[str, ...]) -> list[Json]:
    """Return the served entries. `root`, a folder on the engine's machine, becomes the id."""
    return [
        {**entry, "root": entry["id"]} if "root" in entry else entry
        for entry in entries
        if entry.get("id") in served
    ]


async def fetch_listing(services: Services) -> Json:
    """Return the engine's list of models; raises the error of its refusal, or EngineGarbled."""
    services.served_model()
    status, body = await services.engine.fetch(LISTING)
    if status != 200:
        raise translate(status, body)
    listing = await services.heavy.on(len(body), partial(parse, body))
    entries = listing.get("data")
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise EngineGarbled("The engine's list of models is not a list; check its /v1/models.")
    return listing
