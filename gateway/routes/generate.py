"""POST /llm/generate, and its description in /openapi.json."""

from gateway.api import paths
from gateway.api.error_model import Error
from gateway.generate.handler import Generate
from gateway.generate.request import AnswerDelta, AnswerFacts, GenerateRequest, GenerateResponse
from gateway.routes.pipeline_route import PLAIN, PipelineRoute, events_of


def answer_prompt(body: GenerateRequest) -> GenerateResponse:  # type: ignore[empty-body] # described only
    """JSON by default; with `stream`, events, or plain text where `Accept` is text/plain."""


ROUTE = PipelineRoute(
    paths.GENERATE,
    Generate(),
    answer_prompt,
    tag="generate",
    answer="The answer.",
    streams={**events_of(AnswerDelta, AnswerFacts, Error), **PLAIN},
)
