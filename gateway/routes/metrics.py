"""GET /metrics and /v1/mmhie/load: gateway and engine in one scrape, for Prometheus and as JSON."""

import time
from dataclasses import asdict

from fastapi import Response
from prometheus_client import CONTENT_TYPE_LATEST

from gateway.engine.metrics import load_of, scrape
from gateway.runtime.json_types import Json
from gateway.services import ServicesDep


async def metrics(services: ServicesDep) -> Response:
    """Prometheus metrics of the gateway and, while it is reachable, of the engine."""
    own = services.metrics
    own.at_scrape(services.phase(), services.admission)
    body = own.exposition() + await scrape(services.metered, services.heavy)
    return Response(body, media_type=CONTENT_TYPE_LATEST)


async def load(services: ServicesDep) -> Json:
    """Load of gateway and engine.

    The engine's numbers are null while it is unreachable; `time` is in seconds since 1970.
    """
    exposition = await scrape(services.metered, services.heavy)
    load = await services.heavy.on(exposition, lambda: load_of(exposition))
    inflight, waiting = services.metrics.load(services.admission)
    return {
        "time": time.time(),
        "phase": services.phase(),
        "inflight": inflight,
        "queued": waiting,
        **asdict(load),
    }
