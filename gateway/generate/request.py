"""Request and response of /llm/generate."""

import re
from collections.abc import Mapping
from operator import itemgetter
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)

from gateway.errors import InvalidField
from gateway.generate.prompt import NOT_BLANK, Message, Prompt, Text
from gateway.runtime.json_types import Json

Form = Literal["json", "sse", "text"]
# A form of the answer in an Accept header, and its weight.
RANGE = re.compile(
    rb"(?<![^\s,])(text/plain|text/event-stream|application/json)(?![^\s;,])"
    rb"(?:[^,]*?;\s*q=([01]\.?\d{0,3}))?"
)
LONGEST_ACCEPT = 1024  # bytes


def whole(value: object) -> object:
    """Return an integer for a number without a fraction: 8.0 is a whole number in JSON."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Whole = BeforeValidator(whole)
# The rules of some fields, which pydantic would word less well.
BY_FIELD: Mapping[str, str] = {"stop": "be text, or a list of up to 16 texts, none of them empty"}
BY_PATTERN: Mapping[str, str] = {f"match pattern '{NOT_BLANK}'": "not be empty"}
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
        return Prompt(
            text=self.prompt,
            max_tokens=self.max_tokens or max_tokens,
            system=self.system or system,
            history=tuple(self.history),
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
    if name in BY_FIELD:
        return InvalidField(f"{name} must {BY_FIELD[name]}.", param=name)
    place = ".".join(map(str, first["loc"][:2]))  # what follows may be the caller's words
    if first["type"] == "missing" and place == name:
        return InvalidField(f"{name} is required.", param=name)
    _, _, rule = first["msg"].partition(" should ")  # pydantic's sentence
    fault = f"must {BY_PATTERN.get(rule, rule)}" if rule else f"is not valid: {first['msg']}"
    return InvalidField(f"{place} {fault}.", param=name)


def choose_form(accept: bytes, *, stream: bool) -> Form:
    """Return the form of the answer: JSON, server-sent events or plain text.

    Plain text counts if the beginning of `accept` prefers it to the other forms. Many clients name
    all of them.
    """
    if not stream:
        return "json"
    ranges = RANGE.findall(accept[:LONGEST_ACCEPT].lower())
    weighted = [(float(weight or 1), name) for name, weight in ranges]
    best, name = max(weighted, key=itemgetter(0), default=(0.0, b""))  # the first of equals
    return "text" if name == b"text/plain" and best > 0 else "sse"
