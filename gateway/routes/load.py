"""GET /v1/mmhie/load: how busy gateway and engine are, as a few numbers."""

import time
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter

from gateway.engine import load
from gateway.routes.metrics import engine_metrics
from gateway.services import ServicesDep

PATH = "/v1/mmhie/load"
router = APIRouter(tags=["health"])


@router.get(PATH)
async def engine_load(services: ServicesDep) -> dict[str, Any]:
    """The engine's numbers are null while it is away; `time` is in seconds since 1970."""
    found = load.read(await engine_metrics(services))
    return {
        "time": time.time(),
        "phase": services.phase(),
        "inflight": services.admission.inflight,
        "queued": services.admission.waiting,
        **asdict(found),
    }
