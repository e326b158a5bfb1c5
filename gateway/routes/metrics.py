"""GET /metrics: the gateway's own and the engine's, in one scrape."""

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST

from gateway.engine.client import EngineRequest
from gateway.engine.phase import fetch
from gateway.errors import GatewayError
from gateway.state import Services, ServicesDep

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
    """The engine's `vllm:*` families; its process and HTTP ones would clash with ours."""
    try:
        status, body = await fetch(services.engine, SCRAPE)
    except GatewayError:
        return b""
    return vllm_families(body) if status == 200 else b""


def vllm_families(exposition: bytes) -> bytes:
    """The lines about `vllm:*`, comments included."""
    starts = (b"vllm:", b"# HELP vllm:", b"# TYPE vllm:")
    return b"".join(
        line for line in exposition.splitlines(keepends=True) if line.startswith(starts)
    )
