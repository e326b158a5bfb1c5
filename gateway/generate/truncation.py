"""Fits a prompt into the model's context, with the engine's tokenizer; cuts it if allowed."""

from dataclasses import dataclass, replace
from functools import partial
from typing import Literal, TypeVar

import orjson

from gateway.api.paths import DETOKENIZE, TOKENIZE
from gateway.engine.client import EngineClient, EngineRequest
from gateway.engine.errors import translate
from gateway.engine.openai_json import parse
from gateway.engine.watch import PROBE_TIMEOUT_S, ServedModel
from gateway.errors import EngineGarbled, InputTooLong
from gateway.generate import engine_body
from gateway.generate.prompt import Prompt
from gateway.record import estimated_tokens
from gateway.runtime.heavy_work import HeavyWork
from gateway.runtime.json_types import Json

Side = Literal["none", "left", "right"]
T = TypeVar("T")

# The template's tokens around each message: role markers, line ends.
MESSAGE_TOKENS = 32
MOST_TOKENS = 10**6  # of a prompt that is cut
CUTS = 4  # a cut text may have other tokens at its end, so it is counted again


async def fit(prompt: Prompt, tokenizer: "EngineTokenizer", *, limit: int, cut: Side) -> Prompt:
    """Return the prompt to send; raise InputTooLong with counts.

    `limit` is in tokens, template included. A token is at least one byte, so most prompts certainly
    fit, and the engine need not count them.
    """
    model = tokenizer.model
    if most_tokens(prompt, model) <= limit:
        return prompt
    count = await tokenizer.count(prompt)
    cuts = CUTS if cut != "none" and model.counts_tokens else 0
    while count > limit and cuts and prompt.text:
        prompt = await tokenizer.shorten(prompt, over=count - limit, side=cut)
        count = await tokenizer.count(prompt)
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


@dataclass(frozen=True, slots=True)
class EngineTokenizer:
    """The engine's tokenizer. Long texts are written and read in the thread for heavy work: at most
    MMHIE_MAX_BODY_BYTES to the engine, and LARGEST_BYTES from it."""

    model: ServedModel
    engine: EngineClient
    heavy: HeavyWork

    async def count(self, prompt: Prompt) -> int:
        """Count a prompt's tokens, or estimate them from its bytes."""
        if not self.model.counts_tokens:
            return estimated_tokens(most_tokens(prompt, self.model))
        return await self._ask(TOKENIZE, engine_body.content(prompt, self.model), "count", int)

    async def shorten(self, prompt: Prompt, *, over: int, side: Side) -> Prompt:
        """Return the prompt without its first (left) or last (right) `over` tokens."""
        plain = {"prompt": prompt.text, "add_special_tokens": False}
        tokens = await self._ask(TOKENIZE, plain, "tokens", list)
        remaining = tokens[over:] if side == "left" else tokens[: max(0, len(tokens) - over)]
        if not remaining:
            return replace(prompt, text="", was_cut=True)
        text = await self._ask(DETOKENIZE, {"tokens": remaining}, "prompt", str)
        return replace(prompt, text=text, was_cut=True)

    async def _ask(self, path: str, fields: Json, name: str, kind: type[T]) -> T:
        """Return one field of the engine's answer; raise EngineGarbled for another type."""
        body = await self.heavy.run(lambda: orjson.dumps({"model": self.model.id, **fields}))
        request = EngineRequest("POST", path, body, total_s=PROBE_TIMEOUT_S)
        status, answer = await self.engine.fetch(request)
        if status != 200:
            raise translate(status, answer)
        page = await self.heavy.on(len(answer), partial(parse, answer, most_values=MOST_TOKENS))
        value = page.get(name)
        if not isinstance(value, kind):
            raise EngineGarbled("The engine's /tokenize gave no token count.")
        return value
