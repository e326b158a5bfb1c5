"""POST /v1/embeddings: not here, and where instead."""

from fastapi import APIRouter

from gateway.errors import EmbeddingsNotServed

router = APIRouter(tags=["openai"])


@router.post("/v1/embeddings")
async def embeddings() -> None:
    """A causal language model is the wrong tool for embeddings."""
    raise EmbeddingsNotServed(
        "Embeddings are not served here; use the dedicated embedder "
        "(mm-hie-core/shared/embeddings)."
    )
