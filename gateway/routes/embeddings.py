"""POST /v1/embeddings: refused, with the place that serves them."""

from gateway.errors import EmbeddingsNotServed


async def embeddings() -> None:
    """A causal language model is the wrong tool for embeddings."""
    raise EmbeddingsNotServed(
        "Embeddings are not served here; use the dedicated embedder "
        "(mm-hie-core/shared/embeddings)."
    )
