"""The engine's API under /v1 and its tokenizer, passed through.

The models describe the fields in /openapi.json. The engine validates the bodies, and further fields
are allowed.
"""

from typing import Any

from pydantic import BaseModel, ConfigDict

from gateway.api import paths
from gateway.proxy.handler import PassThrough
from gateway.proxy.token_counts import TokenCount
from gateway.routes.pipeline_route import PipelineRoute
from gateway.runtime.json_types import Json


class AnswerRequest(BaseModel):
    """Fields that all generating endpoints accept."""

    model_config = ConfigDict(extra="allow")

    model: str | None = None
    stream: bool | None = None
    temperature: float | None = None
    top_p: float | None = None


class ChatRequest(AnswerRequest):
    messages: list[dict[str, Any]]
    max_completion_tokens: int | None = None


class CompletionRequest(AnswerRequest):
    prompt: str | list[Any]
    max_tokens: int | None = None


class ResponsesRequest(AnswerRequest):
    input: str | list[Any]
    max_output_tokens: int | None = None


class MessagesRequest(AnswerRequest):
    messages: list[dict[str, Any]]
    max_tokens: int


def complete_chat(body: ChatRequest) -> Json:  # type: ignore[empty-body] # described only, as all here
    """Chat completions, as vLLM serves them, with one additional key, `mmhie`."""


def complete_text(body: CompletionRequest) -> Json:  # type: ignore[empty-body]
    """Text completions, as vLLM serves them, with one additional key, `mmhie`."""


def create_response(body: ResponsesRequest) -> Json:  # type: ignore[empty-body]
    """OpenAI's Responses API, as vLLM serves it, with one additional key, `mmhie`."""


def create_message(body: MessagesRequest) -> Json:  # type: ignore[empty-body]
    """Anthropic's Messages API, as vLLM serves it, with one additional key, `mmhie`."""


def count_tokens(body: Json) -> Json:  # type: ignore[empty-body]
    """Use the engine's tokenizer. Nothing is generated, so nothing is labelled."""


def count_route(path: str) -> PipelineRoute:
    """Return the route of one path of the tokenizer."""
    return PipelineRoute(
        path, TokenCount(path), count_tokens, answer="The engine's count.", streams={}
    )


ROUTES = (
    PipelineRoute(paths.CHAT, PassThrough(paths.CHAT), complete_chat),
    PipelineRoute(paths.COMPLETIONS, PassThrough(paths.COMPLETIONS), complete_text),
    PipelineRoute(paths.RESPONSES, PassThrough(paths.RESPONSES), create_response),
    PipelineRoute(paths.MESSAGES, PassThrough(paths.MESSAGES), create_message),
    count_route(paths.COUNT),
    count_route(paths.TOKENIZE),
    count_route(paths.DETOKENIZE),
)
