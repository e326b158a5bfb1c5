"""GET /metrics: the gateway's own and the engine's, in one scrape."""

import asyncio

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST

from gateway.engine import exposition
from gateway.engine.client import EngineClient, EngineRequest
from gateway.errors import GatewayError
from gateway.services import Services, ServicesDep

router = APIRouter(tags=["health"])

SCRAPE = EngineRequest("GET", "/metrics", total_s=2.0)


@router.get("/metrics")
async def metrics(services: ServicesDep) -> Response:
    """Prometheus text; without the engine's part while the engine is away."""
    own = services.metrics
    own.at_scrape(services.phase(), services.admission)
    body = own.exposition() + await engine_metrics(services)
    return Response(body, media_type=CONTENT_TYPE_LATEST)


async def engine_metrics(services: Services) -> bytes:
    """The engines' `vllm:*` families; their process and HTTP ones would clash with ours."""
    found = await asyncio.gather(*(scraped(engine) for engine in services.metered))
    return exposition.merged(found) if len(found) > 1 else exposition.vllm_families(found[0])


async def scraped(engine: EngineClient) -> bytes:
    """One engine's metrics; nothing while it is away."""
    try:
        status, body = await engine.fetch(SCRAPE)
    except GatewayError:
        return b""
    return body if status == 200 else b""
