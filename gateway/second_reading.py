"""The second reading of one prompt: the served model is asked beside the answer to it, where the
screening is in doubt.

It runs within the answer's own slot and ends with it. The first byte waits for it `GRACE_S` at
most; what it finds later is in the notices of whatever part of the label is written after that.
"""

import asyncio
from typing import Self

import orjson

from gateway.engine import openai_json
from gateway.engine.client import EngineRequest
from gateway.engine.watch import ServedModel
from gateway.errors import EngineTimeout, GatewayError
from gateway.record import RequestRecord
from gateway.runtime.json_types import Json
from gateway.safety import second_reader
from gateway.safety.red_flags.screening import PromptScreening
from gateway.safety.second_reader import LONGEST, PENDING, Outcome
from gateway.services import Services

GRACE_S = 0.05
CHARACTERS_PER_TOKEN = 2  # few: a question that does not fit is refused


class SecondReading:
    """One question to the model, or none where there is no doubt; ended by leaving the block."""

    __slots__ = ("_label", "_model", "_record", "_screening", "_services", "_task", "_told")

    def __init__(
        self,
        screening: PromptScreening,
        model: ServedModel,
        record: RequestRecord,
        services: Services,
        label: Json,
    ) -> None:
        self._screening = screening
        self._label = label
        self._model = model
        self._record = record
        self._services = services
        self._task: asyncio.Task[None] | None = None
        self._told = {"outcome": PENDING}

    def __enter__(self) -> Self:
        self._begin()  # a short text is screened by now
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self._task is not None and not self._task.done():
            self._task.cancel()
            self._record.notice_reader = "late"

    async def settle(self) -> None:
        """Wait for the screening, and a moment for the model's answer."""
        await self._screening.settle()
        self._begin()
        if self._task is not None:
            await asyncio.wait([self._task], timeout=GRACE_S)

    def _begin(self) -> None:
        """Ask about the text that is in doubt, unless there is none or the model has been asked."""
        text = self._screening.doubt
        if text and self._task is None:
            self._label["provenance"]["notice_reader"] = self._told
            self._task = asyncio.create_task(self._read(self._request(text, self._model)))

    async def _read(self, request: EngineRequest) -> None:
        try:
            outcome = outcome_in(*await self._services.engine.fetch(request))
        except EngineTimeout:
            outcome = "late"
        except GatewayError:
            outcome = "failed"
        self._conclude(outcome)

    def _request(self, text: str, model: ServedModel) -> EngineRequest:
        """The question with the caller's own cache, behind every answer where the engine ranks."""
        gate, record = self._services.gate, self._record
        text = text[-longest_for(model) :]
        body = second_reader.question(text, is_chat=model.has_chat_template, reasons=model.reasons)
        caller = record.principal.lowered("batch")
        fields = gate.engine_fields(caller, body, ranked=model.by_priority)
        if model.budgets_reasoning:
            fields["thinking_token_budget"] = second_reader.REASONING_TOKENS
        return EngineRequest(
            "POST",
            model.path,
            orjson.dumps({"model": model.id, **body, **fields}),
            request_id=f"{record.own_id}-notice",
            session=gate.session_id(record.principal),
            total_s=self._services.settings.notice_reader_seconds,
        )

    def _conclude(self, outcome: Outcome) -> None:
        """Write down the outcome, with a notice for an emergency that has none."""
        record = self._record
        record.notice_reader = self._told["outcome"] = outcome
        if outcome == "emergency" and len(record.notices) == len(record.resolved):
            record.notices.append(self._services.screener.read_by_model())


def outcome_in(status: int, answer: bytes) -> Outcome:
    """Return what the engine's response means; raise EngineGarbled."""
    choices = openai_json.choices_of(openai_json.parse(answer)) if status == 200 else []
    word = openai_json.message_of(choices[0]).get("content") if choices else None
    return second_reader.outcome_of(word)


def longest_for(model: ServedModel) -> int:
    """Return how many characters fit the model's context beside question and answer."""
    if model.max_model_len is None:
        return LONGEST
    room = model.max_model_len - second_reader.REASONING_TOKENS - len(second_reader.QUESTION) // 4
    return max(1, min(LONGEST, CHARACTERS_PER_TOKEN * room))
