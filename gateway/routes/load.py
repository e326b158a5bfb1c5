"""GET /v1/mmhie/load: how busy gateway and engine are, as a few numbers."""

import time
from dataclasses import asdict

from gateway.engine.metrics import load_of, scrape
from gateway.json_types import Json
from gateway.services import ServicesDep


async def engine_load(services: ServicesDep) -> Json:
    """The engine's numbers are null while it is away; `time` is in seconds since 1970."""
    found = load_of(await scrape(services.metered))
    return {
        "time": time.time(),
        "phase": services.phase(),
        "inflight": services.admission.inflight,
        "queued": services.admission.waiting,
        **asdict(found),
    }
