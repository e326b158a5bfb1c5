"""GET /v1/mmhie/model-card: what the model is for, and what it is not for."""

from typing import Any

from fastapi import APIRouter

from gateway.safety.model_card import card
from gateway.services import ServicesDep

router = APIRouter(tags=["health"])


@router.get("/v1/mmhie/model-card")
async def model_card(services: ServicesDep) -> dict[str, Any]:
    """503 while it is not known what is served."""
    serving = services.serving(services.watch.model())
    return card(serving, services.labels.disclaimer, services.settings.disclaimer_contact)
