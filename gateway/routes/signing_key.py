"""GET /v1/mmhie/signing-key: the public key of signed labels and checkpoints."""

from fastapi import APIRouter

from gateway.errors import NotFound
from gateway.runtime.json_types import Json
from gateway.services import ServicesDep

router = APIRouter(tags=["health"])


@router.get("/v1/mmhie/signing-key")
async def signing_key(services: ServicesDep) -> Json:
    """JSON Web Key Set with the public key; 404 if answers are not signed."""
    key = services.labels.signing
    if key is None:
        raise NotFound(
            "This gateway signs nothing: MMHIE_SIGNING_KEY_FILE is not set; ask the operator."
        )
    return {"keys": [key.jwk]}
