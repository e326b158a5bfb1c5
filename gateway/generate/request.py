"""Request and response of /llm/generate."""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)

from gateway.errors import InvalidField
from gateway.generate.prompt import EngineAnswer, Message, Prompt, Text
from gateway.runtime.json_types import Json

Form = Literal["json", "sse", "text"]
STREAM_FORMS: Mapping[bytes, Form] = {b"text/plain": "text", b"text/event-stream": "sse"}
FORMS = (*STREAM_FORMS, b"application/json")
WEIGHT = re.compile(rb"[01](?:\.\d{0,3})?")
LONGEST_ACCEPT = 1024  # bytes, of which each may be a media range: 2 ms


def whole(value: object) -> object:
    """Return an integer for a number without a fraction: 8.0 is a whole number in JSON."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Whole = BeforeValidator(whole)
# The end of the sentence about a wrong field, by pydantic's name of the error.
MUST: Mapping[str, str] = {
    "bool_type": "be true or false",
    "finite_number": "be a finite number",
    "float_type": "be a number",
    "greater_than": "be over {gt}",
    "greater_than_equal": "be at least {ge}",
    "int_type": "be a whole number",
    "less_than": "be under {lt}",
    "less_than_equal": "be at most {le}",
    "list_type": "be a list",
    "literal_error": "be {expected}",
    "string_pattern_mismatch": "not be empty",
    "string_too_short": "not be empty",
    "string_type": "be text",
}
BY_FIELD: Mapping[str, str] = {"stop": "be text, or a list of up to 16 texts, none of them empty"}
MOST_TURNS = 1024  # as on /v1
Stop = Annotated[str, StringConstraints(min_length=1)]


class GenerateRequest(BaseModel):
    """The body of POST /llm/generate; unknown fields are an error."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)

    prompt: Text = Field(description="The question, in the words of the caller.")
    history: list[Message] = Field(
        default_factory=list,
        max_length=MOST_TURNS,
        description="Earlier turns of the conversation, oldest first.",
    )
    max_tokens: Annotated[int, Field(ge=1), Whole] | None = Field(
        None, description="Answer budget in tokens; default and cap: MMHIE_MAX_TOKENS."
    )
    stream: bool | None = Field(
        None, description="Send the answer as it is written; default: MMHIE_STREAMING."
    )
    temperature: float = Field(
        0.0, ge=0, le=2, allow_inf_nan=False, description="0 is greedy: the likeliest token."
    )
    top_p: float | None = Field(None, gt=0, le=1, allow_inf_nan=False)
    seed: Annotated[int, Field(ge=-(2**63), lt=2**63), Whole] | None = None
    stop: Stop | Annotated[list[Stop], Field(max_length=16)] | None = Field(
        None, description="Text, or up to 16 texts, at which the answer ends."
    )
    system: Text | None = Field(None, description="Replaces MMHIE_SYSTEM_PROMPT.")
    reasoning_effort: Literal["low", "medium", "high"] | None = Field(
        None, description="How long a reasoning model may think."
    )
    include_reasoning: bool | None = Field(
        None, description="Return the model's reasoning, apart; default: false."
    )

    def to_prompt(self, *, max_tokens: int, system: str | None) -> Prompt:
        """Return the prompt; raise InvalidField for more than `max_tokens` tokens."""
        if self.max_tokens is not None and self.max_tokens > max_tokens:
            raise InvalidField(
                f"max_tokens must be at most {max_tokens} (MMHIE_MAX_TOKENS).", param="max_tokens"
            )
        stop = (self.stop,) if isinstance(self.stop, str) else tuple(self.stop or ())
        return Prompt(
            text=self.prompt,
            max_tokens=self.max_tokens or max_tokens,
            system=self.system or system,
            history=tuple(self.history),
            temperature=self.temperature,
            top_p=self.top_p,
            seed=self.seed,
            stop=stop,
            reasoning_effort=self.reasoning_effort,
            include_reasoning=bool(self.include_reasoning),
        )


class AnswerFacts(BaseModel):
    """The fields of an answer beside its text: in a stream, the event before `[DONE]`."""

    model: str = Field(description="The public id of the model that gave it.")
    finish_reason: str = Field(description="`stop`, or `length` when a budget ended it.")
    truncated: Literal["in_reasoning", "in_answer", "input"] | None
    usage: Json | None = Field(description="Token counts, as the engine gives them.")
    disclaimer: str = Field(description="The safety notice that belongs to every answer.")
    warnings: list[str]
    notices: list[dict[str, str]] = Field(description="Red flags found in the prompt.")
    request_id: str
    mmhie: Json = Field(description="Disclaimer, provenance and labels.")


class GenerateResponse(AnswerFacts):
    """The answer of POST /llm/generate when it does not stream."""

    text: str = Field(description="The answer.")
    reasoning: str | None = Field(None, description="Only with include_reasoning.")


class AnswerDelta(BaseModel):
    """The next part of an answer in a stream, or of its reasoning."""

    delta: str | None = None
    reasoning_delta: str | None = Field(None, description="Only with include_reasoning.")
    notices: list[dict[str, str]] | None = Field(None, description="In the first event only.")


def parse_fields(request: Json) -> GenerateRequest:
    """Check every field of a request; null in an optional field counts as missing. Raise
    InvalidField, which never quotes the request."""
    fields = GenerateRequest.model_fields
    optional = {name for name, field in fields.items() if not field.is_required()}
    given = {
        name: value for name, value in request.items() if value is not None or name not in optional
    }
    try:
        return GenerateRequest.model_validate(given)
    except ValidationError as error:
        raise field_error(error, GenerateRequest) from None


def field_error(error: ValidationError, request: type[BaseModel]) -> InvalidField:
    """Return the error for the first wrong field: its name and the rule that it breaks."""
    first = error.errors(include_url=False, include_input=False)[0]
    name = str(first["loc"][0]) if first["loc"] else ""
    if name not in request.model_fields:
        known = ", ".join(request.model_fields)
        return InvalidField(f"The request body has an unknown field; known are {known}.")
    if first["type"] == "missing":
        return InvalidField(f"{name} is required.", param=name)
    must = BY_FIELD.get(name) or MUST.get(first["type"])
    if must is None or (
        len(first["loc"]) > 1 and name not in BY_FIELD
    ):  # within a message of history
        return InvalidField(f"{name} is not valid: {first['msg']}.", param=name)
    return InvalidField(f"{name} must {must.format(**limits_in(first))}.", param=name)


def limits_in(error: Mapping[str, Any]) -> dict[str, object]:
    """Return the limits of a rule as a person writes them: 2 instead of 2.0."""
    limits = error.get("ctx", {}).items()
    return {name: f"{limit:g}" if isinstance(limit, float) else limit for name, limit in limits}


def closing_fields(
    answer: EngineAnswer, *, usage: Json | None, model: str, mmhie: Json, request_id: str
) -> Json:
    """Return the fields of an answer without its text."""
    return {
        "model": model,
        "finish_reason": answer.finish_reason,
        "truncated": mmhie["truncated"],
        "usage": usage,
        "disclaimer": mmhie["disclaimer"]["text"],
        "warnings": mmhie["warnings"],
        "notices": mmhie["notices"],
        "request_id": request_id,
        "mmhie": mmhie,
    }


def choose_form(accept: bytes, *, stream: bool) -> Form:
    """Return the form of the answer: JSON, server-sent events or plain text.

    Plain text counts if the beginning of `accept` prefers it to the other forms. Many clients name
    all of them.
    """
    if not stream:
        return "json"
    ranked = sorted(
        ranges_in(accept[:LONGEST_ACCEPT]), key=lambda media: -media[1]
    )  # the first of equals stays first
    best = next((name for name, weight in ranked if name in FORMS and weight > 0), b"")
    return STREAM_FORMS.get(best, "sse")


def ranges_in(accept: bytes) -> Iterator[tuple[bytes, float]]:
    """Yield the media ranges of an Accept header, each with its weight."""
    for part in accept.lower().split(b","):
        name, *parameters = (piece.strip() for piece in part.split(b";"))
        weights = [parameter[2:] for parameter in parameters if parameter.startswith(b"q=")]
        yield name, parse_weight(weights[0]) if weights else 1.0


def parse_weight(text: bytes) -> float:
    """Return a weight from 0 to 1; 1 if it is not valid."""
    return float(text) if WEIGHT.fullmatch(text) else 1.0
