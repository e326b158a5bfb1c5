"""Fits a prompt into the model's context, with the engine's tokenizer; cuts it if allowed."""

from dataclasses import replace
from typing import Literal, TypeVar

import orjson

from gateway.api.paths import DETOKENIZE, TOKENIZE
from gateway.engine import openai_json
from gateway.engine.client import EngineClient, EngineRequest
from gateway.engine.errors import translate
from gateway.engine.watch import PROBE_TIMEOUT_S, ServedModel
from gateway.errors import EngineGarbled, InputTooLong
from gateway.generate import engine_body
from gateway.generate.prompt import Prompt
from gateway.runtime.json_types import Json

Side = Literal["none", "left", "right"]
T = TypeVar("T")

# The template's tokens around each message: role markers, line ends.
MESSAGE_TOKENS = 32
BYTES_PER_TOKEN = 4  # of English text; used only if the engine cannot count
CUTS = 4  # a cut text may have other tokens at its end, so it is counted again


async def fit(
    prompt: Prompt, model: ServedModel, engine: EngineClient, *, limit: int, cut: Side
) -> Prompt:
    """Return the prompt to send; raise InputTooLong with counts.

    `limit` is in tokens, template included. A token is at least one byte, so most prompts certainly
    fit, and the engine need not count them.
    """
    if most_tokens(prompt, model) <= limit:
        return prompt
    count = await count_tokens(prompt, model, engine)
    cuts = CUTS if cut != "none" and model.counts_tokens else 0
    while count > limit and cuts and prompt.text:
        prompt = await shorten(prompt, model, engine, over=count - limit, side=cut)
        count = await count_tokens(prompt, model, engine)
        cuts -= 1
    if count <= limit and prompt.text:
        return prompt
    raise InputTooLong(
        f"The prompt is {count} tokens and at most {limit} fit (MMHIE_MAX_INPUT_LENGTH, or the "
        "model's context less the answer's budget); shorten it.",
        param="prompt",
    )


def limit_for(prompt: Prompt, model: ServedModel, *, max_input: int, reasoning_budget: int) -> int:
    """Return the longest input, in tokens, that leaves room for the answer in the context."""
    if model.max_model_len is None:
        return max_input
    budget = engine_body.engine_budget(prompt, model, reasoning_budget=reasoning_budget)
    return max(1, min(max_input, model.max_model_len - budget))


def most_tokens(prompt: Prompt, model: ServedModel) -> int:
    """Return an upper bound of the prompt's tokens."""
    texts = prompt.texts()
    text_bytes = sum(len(text.encode()) for text in texts)
    return text_bytes + model.template_tokens + len(texts) * MESSAGE_TOKENS


async def count_tokens(prompt: Prompt, model: ServedModel, engine: EngineClient) -> int:
    """Count a prompt's tokens with the engine's /tokenize, or estimate them from its bytes."""
    if not model.counts_tokens:
        return most_tokens(prompt, model) // BYTES_PER_TOKEN
    body = {"model": model.id, **engine_body.content(prompt, model)}
    return await _ask_engine(engine, TOKENIZE, body, ("count", int))


async def shorten(
    prompt: Prompt, model: ServedModel, engine: EngineClient, *, over: int, side: Side
) -> Prompt:
    """Return the prompt without its first (left) or last (right) `over` tokens."""
    plain = {"model": model.id, "prompt": prompt.text, "add_special_tokens": False}
    tokens = await _ask_engine(engine, TOKENIZE, plain, ("tokens", list))
    remaining = tokens[over:] if side == "left" else tokens[: max(0, len(tokens) - over)]
    if not remaining:
        return replace(prompt, text="", was_cut=True)
    back = {"model": model.id, "tokens": remaining}
    text = await _ask_engine(engine, DETOKENIZE, back, ("prompt", str))
    return replace(prompt, text=text, was_cut=True)


async def _ask_engine(
    engine: EngineClient, path: str, body: Json, wanted: tuple[str, type[T]]
) -> T:
    """Return one field of the engine's answer; raise EngineGarbled for another type."""
    name, kind = wanted
    request = EngineRequest("POST", path, orjson.dumps(body), total_s=PROBE_TIMEOUT_S)
    status, answer = await engine.fetch(request)
    if status != 200:
        raise translate(status, answer)
    value = openai_json.parse_page(answer).get(name)
    if not isinstance(value, kind):
        raise EngineGarbled("The engine's /tokenize gave no token count.")
    return value
