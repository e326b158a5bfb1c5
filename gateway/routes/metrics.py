"""GET /metrics and /v1/mmhie/load: metrics of gateway and engine, for Prometheus and as JSON."""

import time
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST

from gateway.engine.metrics import read_load, scrape
from gateway.http.certificates import certificate_ends
from gateway.runtime.json_types import Json
from gateway.services import Services, ServicesDep

router = APIRouter(tags=["health"])
EXPOSITION: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/plain": {"schema": {"type": "string"}}}}
}


@router.head("/metrics", include_in_schema=False)
@router.get("/metrics", response_class=Response, responses=EXPOSITION)
async def metrics(services: ServicesDep) -> Response:
    """Prometheus metrics of the gateway and, while it is reachable, of the engine."""
    set_gauges(services)
    body = services.metrics.exposition() + await scrape(services.metered, services.heavy)
    return Response(body, media_type=CONTENT_TYPE_LATEST)


def set_gauges(services: Services) -> None:
    """Set the gauges to the state of now."""
    own, trail, feedback = services.metrics, services.trail, services.feedback
    own.at_scrape(services.phase(), services.admission, certificate_ends(services.settings))
    own.shared_failing.set(bool(services.shared.warnings()))
    own.feedback_failing.set(feedback is not None and feedback.is_failing)
    if trail is not None:
        own.audit_failing.set(trail.has_failed())
        own.audit_lost.set(trail.lost)
        own.audit_tampered.set(trail.is_tampered)
        own.feed_lag.set(trail.feed.lag_s if trail.feed is not None else 0)


@router.get("/v1/mmhie/load")
async def load(services: ServicesDep) -> Json:
    """Load of gateway and engine.

    The engine's numbers are null while it is unreachable; `time` is in seconds since 1970.
    """
    exposition = await scrape(services.metered, services.heavy)
    load = await services.heavy.on(len(exposition), lambda: read_load(exposition))
    return {
        "time": time.time(),
        "phase": services.phase(),
        "inflight": services.admission.inflight,
        "queued": services.admission.waiting,
        **asdict(load),
    }
