"""GET /v1/mmhie/load: the load of gateway and engine."""

import time
from dataclasses import asdict

from gateway.engine.metrics import load_of, scrape
from gateway.json_types import Json
from gateway.services import ServicesDep


async def engine_load(services: ServicesDep) -> Json:
    """Load of gateway and engine.

    The engine's numbers are null while it is unreachable; `time` is in seconds since 1970.
    """
    found = load_of(await scrape(services.metered))
    return {
        "time": time.time(),
        "phase": services.phase(),
        "inflight": services.admission.inflight,
        "queued": services.admission.waiting,
        **asdict(found),
    }
