"""GET /metrics: the gateway's own and the engine's, in one scrape."""

from fastapi import Response
from prometheus_client import CONTENT_TYPE_LATEST

from gateway.engine.metrics import scrape
from gateway.services import ServicesDep


async def metrics(services: ServicesDep) -> Response:
    """Prometheus metrics of the gateway and, while it is reachable, of the engine."""
    own = services.metrics
    own.at_scrape(services.phase(), services.admission)
    body = own.exposition() + await scrape(services.metered)
    return Response(body, media_type=CONTENT_TYPE_LATEST)
