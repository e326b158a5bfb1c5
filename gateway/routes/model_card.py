"""GET /v1/mmhie/model-card: the served model's card."""

from fastapi import APIRouter

from gateway.model_card.card import ModelCard
from gateway.model_card.card import model_card as card_of
from gateway.services import ServicesDep

router = APIRouter(tags=["health"])


@router.get("/v1/mmhie/model-card")
async def model_card(services: ServicesDep) -> ModelCard:
    """Model card; 503 while the model is unknown."""
    return card_of(
        services.serving(services.served_model()),
        services.labels.disclaimer,
        services.screener,
        answering=services.answering,
        contact=services.settings.disclaimer_contact,
        operator=services.operator_card,
    )
