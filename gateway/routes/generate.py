"""POST /llm/generate, and its description in /openapi.json."""

from gateway.api import paths
from gateway.generate.handler import Generate
from gateway.generate.request import GenerateRequest, GenerateResponse
from gateway.routes.pipeline_route import EVENTS, PLAIN, PipelineRoute


def answer_prompt(body: GenerateRequest) -> GenerateResponse:  # type: ignore[empty-body] # described only
    """JSON by default; with `stream`, events, or plain text where `Accept` is text/plain."""


ROUTE = PipelineRoute(
    paths.GENERATE,
    Generate(),
    answer_prompt,
    tag="generate",
    answer="The answer.",
    streams={**EVENTS, **PLAIN},
)
