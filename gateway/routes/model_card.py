"""GET /v1/mmhie/model-card: the model's intended use and its limits."""

from gateway.json_types import Json
from gateway.safety.model_card import card
from gateway.services import ServicesDep


async def model_card(services: ServicesDep) -> Json:
    """Model card; 503 while the served model is unknown."""
    serving = services.serving(services.watch.model())
    return card(serving, services.labels.disclaimer, services.settings.disclaimer_contact)
