"""The errors vLLM 0.32 answers with, word for word."""

import json
import math
from collections.abc import Mapping
from typing import Any

from tests.fake_engine.options import Options
from tests.fake_engine.plan import budget_of
from tests.fake_engine.prompt import count_tokens

TYPES = {
    400: "BadRequestError",
    404: "NotFoundError",
    422: "UnprocessableEntityError",
    500: "InternalServerError",
    501: "NotImplementedError",
    503: "Service Unavailable",
}
MESSAGES = {
    400: "The engine did not like this request.",
    404: "The model `x` does not exist.",
    500: "Internal server error",
    503: "The engine is currently busy and cannot accept new requests. "
    "Please try again later or on a different instance.",
}
NO_TEMPLATE = (
    "As of transformers v4.44, default chat template is no longer allowed, so you must provide a"
    " chat template if the tokenizer does not define one."
)


class Refusal(Exception):
    """A request the engine refuses, with the status and body vLLM would send."""

    def __init__(self, status: int, body: Mapping[str, Any]) -> None:
        super().__init__(status)
        self.status = status
        self.body = body


def refusal(
    status: int, message: str | None = None, param: str | None = None, kind: str | None = None
) -> Refusal:
    """An error object of this status; message and type default to vLLM's own."""
    kind = kind or TYPES.get(status, "InternalServerError")
    text = message or MESSAGES.get(status, MESSAGES[500])
    error = {"message": text, "type": kind, "param": param, "code": status}
    return Refusal(status, {"error": error})


def as_message(error: Refusal) -> Refusal:
    """The refusal as /v1/messages words it; of validation errors it does not know."""
    details = error.body.get("error")
    if not isinstance(details, dict) or details["type"] == "Bad Request":
        return error
    named = {name: details[name] for name in ("type", "message")}
    return Refusal(error.status, {"type": "error", "error": named})


def streaming_error() -> bytes:
    """The frame vLLM sends when generation fails in mid-stream (json.dumps' own spacing)."""
    return f"data: {json.dumps(refusal(500).body)}\n\n".encode()


def parsed(raw: bytes) -> dict[str, Any]:
    """The request body; raises what vLLM answers to a body that is no JSON object."""
    try:
        body = json.loads(raw)
    except ValueError:
        raise invalid("json_invalid", "body.0", "JSON decode error", "<dict of 0 items>") from None
    if not isinstance(body, dict):
        raise invalid("model_attributes_type", "body", "Input should be a valid dictionary", "...")
    return body


def invalid(kind: str, where: str, message: str, given: str) -> Refusal:
    """A validation error as vLLM words it."""
    detail = {"type": kind, "loc": where, "msg": message, "input": given}
    return refusal(400, f"1 validation error:\n  {detail}", where, kind="Bad Request")


def check(path: str, body: Mapping[str, Any], options: Options) -> None:
    """Raise what vLLM would refuse in this generation request."""
    check_model(body, options)
    check_types(body)
    check_prompt(path, body, options)
    check_sampling(body)
    check_length(body, options)


def check_model(body: Mapping[str, Any], options: Options) -> None:
    """Only the served name is known; a missing one means the served model."""
    name = body.get("model") or options.model
    if name != options.model:
        known = f"The model `{name}` does not exist. Valid aliases: {options.model}."
        raise refusal(404, known, "model")


def check_types(body: Mapping[str, Any]) -> None:
    """Numbers are numbers, options an object; like vLLM's, the sentence repeats what was given."""
    if not isinstance(body.get("stream_options") or {}, Mapping):
        wanted = "Input should be a valid dictionary"
        raise invalid("model_type", "body.stream_options", wanted, "...")
    for name in ("temperature", "max_tokens", "top_p", "n", "seed"):
        given = body.get(name)
        if not (given is None or isinstance(given, int | float) or str(given).isdigit()):
            wanted = "Input should be a valid number, unable to parse string as a number"
            raise invalid("float_parsing", f"body.{name}", wanted, repr(given)[1:-1])


def check_prompt(path: str, body: Mapping[str, Any], options: Options) -> None:
    """The field that carries the prompt is there, and chat has a template."""
    name = {"/v1/completions": "prompt", "/v1/responses": "input"}.get(path, "messages")
    for needed in (name, *(("max_tokens",) if path == "/v1/messages" else ())):
        if needed not in body:
            given = f"<dict of {len(body)} items>"
            raise invalid("missing", f"body.{needed}", "Field required", given)
    if path != "/v1/completions" and not options.chat_template:
        raise refusal(400, NO_TEMPLATE)


def check_sampling(body: Mapping[str, Any]) -> None:
    """Temperature is a number that is not negative; n and greedy do not go together."""
    choices = body.get("n")
    if choices is not None and choices < 1:
        raise refusal(400, f"n must be at least 1, got {choices}.")
    heat = body.get("temperature")
    if heat is None:
        return
    if not math.isfinite(heat):
        raise sampling("temperature", f"must be a finite number, got {heat}", heat)
    if heat < 0:
        raise sampling("temperature", f"must be non-negative, got {float(heat)}", float(heat))
    if heat == 0 and (body.get("n") or 1) > 1:
        raise refusal(400, f"n must be 1 when using greedy sampling, got {body['n']}.")


def sampling(name: str, fault: str, value: object) -> Refusal:
    """A sampling parameter refused."""
    return refusal(400, f"{name} {fault}. (parameter={name}, value={value})", name)


def check_length(body: Mapping[str, Any], options: Options) -> None:
    """Prompt and answer have to fit the context."""
    budget, limit, prompt = budget_of(body), options.max_model_len, count_tokens(body)
    least = 0 if body.get("echo") else 1
    if budget is not None and budget < least:
        raise sampling("max_tokens", f"must be at least {least}, got {budget}", budget)
    if budget is not None and budget > limit:
        fault = f"={budget} cannot be greater than max_model_len={limit}. Please request fewer"
        tail = f" output tokens. (parameter=max_tokens, value={budget})"
        raise refusal(400, f"max_tokens{fault}{tail}", "max_tokens")
    if prompt + (budget or 0) > limit:
        raise refusal(400, too_long(prompt, limit), "input_tokens")


def too_long(prompt: int, limit: int) -> str:
    """The sentence for a prompt that does not fit."""
    return (
        f"This model's maximum context length is {limit} tokens. However, your prompt contains"
        f" {prompt} input tokens, which exceeds this limit even without any output tokens. Please"
        f" reduce the length of the input prompt. (parameter=input_tokens, value={prompt})"
    )
