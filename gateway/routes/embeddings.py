"""POST /v1/embeddings: refused, with a pointer to a dedicated embedder."""

from gateway.errors import EmbeddingsNotServed


async def embeddings() -> None:
    """Embeddings are not served (501): use a dedicated embedding model."""
    raise EmbeddingsNotServed(
        "Embeddings are not served here; use the dedicated embedder "
        "(mm-hie-core/shared/embeddings)."
    )
