"""Reads the engine's stream: the deltas of one answer, then its end and its warnings."""

from collections.abc import AsyncIterator, Callable
from functools import partial

from gateway.engine import openai_json
from gateway.engine.client import EngineResponse
from gateway.errors import EngineCut, NoAnswer
from gateway.generate.prompt import EngineDelta
from gateway.http.exchange import LARGE_BYTES
from gateway.http.sse import EventBuffer, payload
from gateway.limits.memory_budget import parsed_bytes
from gateway.proxy.output_policy import ChoiceState
from gateway.record import AnswerTally
from gateway.runtime.heavy_work import HeavyWork
from gateway.runtime.json_types import Json
from gateway.safety.labels import format_digest
from gateway.safety.reasoning import reasoning_text


class AnswerReader(AnswerTally):
    """Reads one streamed chat or text completion; its facts are filled while `deltas` runs."""

    def __init__(
        self,
        response: EngineResponse,
        *,
        state: ChoiceState,
        answer_budget: int,
        heavy: HeavyWork,
        reasoning_budget: int | None = None,
        require: Callable[[int], object] = id,
    ) -> None:
        """Budgets are in tokens; the reasoning budget is set if the engine enforces it. `require`
        is called with the memory for a large event before that is parsed, in a thread of
        `heavy`."""
        super().__init__()
        self.finish_reason: str | None = None
        self._response = response
        self._state = state
        self._require = require
        self._heavy = heavy
        self._answer_budget = answer_budget
        self._reasoning_budget = reasoning_budget
        self._fingerprint: str | None = None
        self._model: object = None  # as the engine names it
        self._has_words = False
        self._tokens_before_answer: int | None = None
        self._is_ours = False  # we ended the answer at its own budget
        self._text_pieces = 0

    @property
    def has_answer(self) -> bool:
        """True if there is a text that is not blank."""
        return self._state.has_text and self._has_words

    @property
    def has_reasoning(self) -> bool:
        return self._state.has_reasoning

    def digests(self) -> list[str]:
        return [format_digest(self._state.mac)] if self._state.has_text else []

    async def deltas(self) -> AsyncIterator[EngineDelta]:
        """Yield every piece with text; raise EngineCut, EngineGarbled, EngineRejected or NoAnswer.

        The answer is cut off when its own budget is used up: the engine only knows the sum of
        reasoning and answer.
        """
        async for content in self._contents():
            delta = await self._heavy.on(len(content), partial(self._take, content))
            if delta.text or delta.reasoning:
                yield delta
            if self._over_budget():
                if (rest := self._cut()).text:
                    yield rest
                break
        if self.finish_reason is None:
            raise EngineCut("The engine ended its answer without a finish_reason; try again.")

    def conclude(self) -> None:
        """Close the label, after the last delta."""
        self._state.check_model_name(self._model)
        for warning in self._budget_warnings():
            self._state.warn(warning)
        self.finals.append(self._state.final(self.finish_reason, fingerprint=self._fingerprint))

    async def _contents(self) -> AsyncIterator[bytes]:
        buffer = EventBuffer()
        while data := await self._response.read():
            for event in buffer.feed(data):
                content = payload(event)
                if content == b"[DONE]":
                    self._response.expect_end()
                    return
                if content:
                    yield content
                    self._response.mark_progress()
        raise EngineCut("The engine's answer stopped before its end; try again.")

    def _take(self, content: bytes) -> EngineDelta:
        if len(content) > LARGE_BYTES:
            self._require(parsed_bytes(content))
        chunk = openai_json.parse_chunk(content)
        self._fingerprint = chunk.get("system_fingerprint") or self._fingerprint
        self.usage = openai_json.read_usage(chunk) or self.usage
        self._model = chunk.get("model") or self._model
        choices = openai_json.read_choices(chunk)
        if not choices:
            return EngineDelta()
        self.finish_reason = choices[0].get("finish_reason") or self.finish_reason
        self._count(openai_json.read_message(choices[0]))
        return self._pass(choices[0])

    def _pass(self, choice: Json) -> EngineDelta:
        """Return the text and the reasoning of a choice for the caller."""
        passed = openai_json.read_message(self._state.pass_on(choice))
        return EngineDelta(passed.get("content") or "", reasoning_text(passed))

    def _count(self, message: Json) -> None:
        """Count a piece of the answer, before anything is added or removed."""
        text = message.get("content") or ""
        has_text = bool(text)
        self._has_words = self._has_words or bool(text.strip())
        self.pieces += has_text or bool(reasoning_text(message))
        self._text_pieces += has_text
        if has_text and self._tokens_before_answer is None:
            self._tokens_before_answer = max(0, self._spent() - 1)

    def _cut(self) -> EngineDelta:
        """End the answer at its own budget, and return the text that waited."""
        self.finish_reason, self._is_ours = "length", True
        return self._pass({"text": "", "finish_reason": "length"})

    def _spent(self) -> int:
        spent = (self.usage or {}).get("completion_tokens")
        return spent if isinstance(spent, int) else 0

    def _over_budget(self) -> bool:
        """Return whether the answer has used its budget, by the engine's counts, or by the pieces:
        each has at least one token."""
        begun = self._tokens_before_answer
        if begun is None or self.finish_reason is not None:
            return False
        spent = self._spent() - begun
        return spent >= self._answer_budget or self._text_pieces > self._answer_budget

    def _budget_warnings(self) -> list[str]:
        """Return the warnings about reasoning that was cut, or that left too little for the
        answer."""
        details = (self.usage or {}).get("completion_tokens_details")
        thought = details.get("reasoning_tokens") if isinstance(details, dict) else None
        budget = self._reasoning_budget
        if budget and isinstance(thought, int) and thought >= budget:
            return ["reasoning_cut"]
        is_short = self.finish_reason == "length" and not self._is_ours
        is_squeezed = is_short and self._state.has_text and self.has_reasoning
        return ["answer_shortened"] if is_squeezed else []


def no_answer(reader: AnswerReader) -> NoAnswer:
    if reader.has_reasoning:
        return NoAnswer(
            "The model used its whole budget for reasoning and gave no answer; raise "
            "MMHIE_MAX_REASONING_TOKENS or lower reasoning_effort."
        )
    return NoAnswer("The model gave no answer text; rephrase the prompt.")
