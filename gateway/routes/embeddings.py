"""POST /v1/embeddings: refused, with a pointer to a dedicated embedder."""

from fastapi import APIRouter

from gateway.errors import EmbeddingsNotServed

router = APIRouter(tags=["openai"])


@router.post("/v1/embeddings", status_code=501, response_description="Not served here")
async def embeddings() -> None:
    """Embeddings are not served (501): use a dedicated embedding model."""
    raise EmbeddingsNotServed(
        "Embeddings are not served here; use the dedicated embedder "
        "(mm-hie-core/shared/embeddings)."
    )
