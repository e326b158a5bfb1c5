"""POST /llm/generate: answers to a prompt as JSON, server-sent events or plain text."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from sys import getsizeof
from typing import Self

import orjson

from gateway.api.request_policy import read_count
from gateway.errors import EngineGarbled, GatewayError
from gateway.generate import engine_body, truncation
from gateway.generate.prompt import EngineDelta, Prompt
from gateway.generate.request import Form, choose_form, parse_fields
from gateway.generate.stream_reader import AnswerReader, no_answer
from gateway.http import sse
from gateway.http.exchange import AI_GENERATED, LARGE_BYTES, NO_STORE, Exchange
from gateway.pipeline import EVENT_STREAM, Incoming, Opened, Prepared, is_stream
from gateway.proxy.output_policy import ChoiceState, OutputPolicy
from gateway.record import most_prompt_tokens
from gateway.runtime.json_types import Json
from gateway.safety.labels import merge
from gateway.safety.placement import Surroundings, format_notices
from gateway.safety.reasoning import is_shown
from gateway.safety.transcript import Transcript
from gateway.safety.wording import Wording
from gateway.services import Services

PIECE_BYTES = 64  # overhead of a piece of text
COPIES = 3  # of an answer at its end: in pieces, joined, as JSON
PLAIN_TEXT = (
    (b"content-type", b"text/plain; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
    AI_GENERATED,
)


class Generate:
    """The handler of POST /llm/generate."""

    def most_tokens(self, incoming: Incoming, services: Services, most: int) -> int:
        """Return the tokens that prompt and answer may take; a longer prompt is cut or refused."""
        settings, model = services.settings, services.watch.state.model
        size = len(incoming.body) + len(settings.system_prompt or "")
        prompt = most_prompt_tokens(size, model.template_tokens if model else 0)
        asked = read_count(incoming.request.get("max_tokens")) or settings.max_tokens
        reasoning = settings.max_reasoning_tokens + engine_body.MARKER_TOKENS
        answer = min(asked, settings.max_tokens) + (reasoning if model and model.reasons else 0)
        return min(prompt, settings.max_input_length) + answer

    def read(self, incoming: Incoming, exchange: Exchange, services: Services) -> "PreparedPrompt":
        """Check a request and prepare the engine's."""
        settings = services.settings
        request = parse_fields(incoming.request)
        model = services.available_model()
        prompt = request.to_prompt(
            max_tokens=settings.max_tokens,
            system=settings.system_prompt if model.has_chat_template else None,
        )
        stream = settings.streaming if request.stream is None else request.stream
        principal = exchange.record.principal
        prompt = withhold_reasoning(prompt, services, may_see="reasoning" in principal.scopes)
        budget = settings.max_reasoning_tokens
        options = engine_body.options(request, prompt, model, reasoning_budget=budget)
        options |= services.gate.engine_fields(principal, options, ranked=model.by_priority)
        return PreparedPrompt(
            model=model,
            facts=services.labels.collect_facts(options, bytes_to_digest(incoming.request, prompt)),
            path=model.path,
            is_stream=stream,
            held_bytes=3 * sum(map(getsizeof, prompt.texts())),  # the engine's body is a copy
            prompt=prompt,
            form=choose_form(exchange.header(b"accept"), stream=stream),
            options=options,
        )


def withhold_reasoning(prompt: Prompt, services: Services, *, may_see: bool) -> Prompt:
    """Withhold the reasoning if this caller may not see it."""
    if not prompt.include_reasoning or is_shown(services.settings.reasoning, may_see):
        return prompt
    return replace(prompt, include_reasoning=False, is_reasoning_withheld=True)


def bytes_to_digest(request: Json, prompt: Prompt) -> bytes:
    """Return the bytes for the prompt's digest: the request with its system prompt, also the
    default one, in sorted order, so that the same request always has the same digest."""
    return orjson.dumps({**request, "system": prompt.system}, option=orjson.OPT_SORT_KEYS)


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedPrompt(Prepared):
    """A prompt, the engine's request without the conversation, and the form of the answer."""

    prompt: Prompt
    form: Form
    options: Json

    async def fit(self, services: Services) -> Self:
        """Return the prompt within the limit and the model's context; raise InputTooLong."""
        settings, model = services.settings, self.model
        limit = truncation.limit_for(
            self.prompt,
            model,
            max_input=settings.max_input_length,
            reasoning_budget=settings.max_reasoning_tokens,
        )
        tokenizer = truncation.EngineTokenizer(model, services.engine, services.heavy)
        prompt = await truncation.fit(self.prompt, tokenizer, limit=limit, cut=settings.truncate)
        fields = self.options | engine_body.content(prompt, model)
        body = await services.heavy.on(self.held_bytes, lambda: orjson.dumps(fields))
        return replace(self, prompt=prompt, body=body)

    def answer(self, opened: Opened, services: Services) -> "GeneratedAnswer":
        """Return the answer in the chosen form; the engine always streams."""
        if not is_stream(opened.response):
            raise EngineGarbled(
                "The engine did not stream its answer; check that it serves an OpenAI API."
            )
        return FORMS[self.form](self, opened, services)


class GeneratedAnswer(ABC):
    """The answer to one prompt, in one of three forms."""

    def __init__(self, request: PreparedPrompt, opened: Opened, services: Services) -> None:
        self.request = request
        self.services = services
        self.exchange = opened.exchange
        self.label = opened.label
        budget = services.settings.max_reasoning_tokens
        self.reader = self.tally = AnswerReader(
            opened.response,
            state=self._state(opened.transcript),
            answer_budget=request.prompt.max_tokens,
            heavy=services.heavy,
            reasoning_budget=budget if request.model.budgets_reasoning else None,
            require=opened.memory.require,
        )

    def _state(self, transcript: Transcript | None) -> ChoiceState:
        """Return the state of the answer: its digest, its signer, its warnings, and the texts that
        stand around it."""
        prompt, services = self.request.prompt, self.services
        where, wording = services.settings.disclaimer_in_text, services.screener.wording
        policy = OutputPolicy(
            key=services.labels.key,
            around=self.place(Surroundings.of(self.label, where, wording)),
            warnings=tuple(prompt.warnings()),
            served=self.request.model.ids,
            transcript=transcript,
            signer=services.labels.signer(self.label),
            was_input_cut=prompt.was_cut,
        )
        return ChoiceState(policy.digest(), policy)

    def place(self, around: Surroundings) -> Surroundings:
        """Return the texts around the answer, of which MMHIE_DISCLAIMER_IN_TEXT sets these."""
        return around

    async def send(self) -> None:
        """Write the deltas that the caller may see, then the end; raise NoAnswer for an answer
        without text."""
        shows_reasoning = self.request.prompt.include_reasoning
        async for delta in self.reader.deltas():
            if delta.text or shows_reasoning:
                self.exchange.first_token()
                await self.write(delta)
        if self.reader.has_reasoning:
            self.services.watch.mark_reasoning(self.request.model)
        self.reader.conclude()
        if not self.reader.has_answer and not (shows_reasoning and self.reader.has_reasoning):
            raise no_answer(self.reader)
        await self.finish()

    @abstractmethod
    async def write(self, delta: EngineDelta) -> None:
        """Send a delta, or collect it."""

    @abstractmethod
    async def finish(self) -> None:
        """Send the end of the answer, or all of it."""

    @property
    def final(self) -> Json:
        """The closing half of the label, after the last delta."""
        return self.reader.finals[0]

    def closing(self) -> Json:
        """Return the fields of the answer without its text, after the last delta."""
        mmhie = merge(self.label, self.final)
        return {
            "model": self.request.model.id,
            "finish_reason": self.reader.finish_reason,
            "truncated": mmhie["truncated"],
            "usage": self.reader.usage,
            "disclaimer": mmhie["disclaimer"]["text"],
            "warnings": mmhie["warnings"],
            "notices": mmhie["notices"],
            "request_id": self.exchange.record.request_id,
            "mmhie": mmhie,
        }


def end_of_text(truncated: str | None, wording: Wording, last: str) -> bytes:
    """Return the end of a plain text: a sentence about a truncation, and the last lines."""
    cut = f"\n\n{wording.closing(truncated)}" if truncated else ""
    return f"{cut}\n\n{last}\n".encode()


def render_failure(wording: Wording, last: str, error: GatewayError) -> bytes:
    """Render a failure as the end of a plain text."""
    return f"\n\n[{wording.interrupted}: {error.message}]\n\n{last}\n".encode()


class JsonAnswer(GeneratedAnswer):
    """The whole answer as one JSON object."""

    def __init__(self, request: PreparedPrompt, opened: Opened, services: Services) -> None:
        super().__init__(request, opened, services)
        self._deltas: list[EngineDelta] = []
        self._memory = opened.memory
        self._held = opened.memory.held_bytes
        self._gathered = 0

    async def write(self, delta: EngineDelta) -> None:
        """Collect a delta, and reserve memory for all of them."""
        self._deltas.append(delta)
        before = self._gathered // LARGE_BYTES
        self._gathered += PIECE_BYTES + len(delta.text) + len(delta.reasoning)
        if self._gathered // LARGE_BYTES > before:
            self._memory.hold(self._held + COPIES * self._gathered)

    async def finish(self) -> None:
        body = await self.services.heavy.on(self._gathered, self._body)
        await self.exchange.respond(200, body, headers=[AI_GENERATED, NO_STORE])

    def _body(self) -> bytes:
        text = "".join(delta.text for delta in self._deltas)
        reasoning = "".join(delta.reasoning for delta in self._deltas)
        shown = {"reasoning": reasoning} if self.request.prompt.include_reasoning else {}
        return orjson.dumps({"text": text, **self.closing(), **shown})


class EventAnswer(GeneratedAnswer):
    """Every delta as an event as soon as it arrives, then one event with all other fields."""

    def __init__(self, request: PreparedPrompt, opened: Opened, services: Services) -> None:
        super().__init__(request, opened, services)
        self._early = {"notices": notices} if (notices := self.label["notices"]) else {}

    async def write(self, delta: EngineDelta) -> None:
        exchange = self.exchange
        if not exchange.record.status:
            await exchange.start(200, (*EVENT_STREAM, AI_GENERATED), last_words=in_band)
        for event in self._events(delta):
            encode = partial(sse.encode, {**event, **self._early})
            await exchange.write(await self.services.heavy.on(len(delta.text), encode))
            self._early = {}

    def _events(self, delta: EngineDelta) -> list[Mapping[str, str]]:
        """Return the events of a delta; answer and reasoning have separate events."""
        shows_reasoning = self.request.prompt.include_reasoning
        reasoning = [{"reasoning_delta": delta.reasoning}] if shows_reasoning else []
        return [event for event in (*reasoning, {"delta": delta.text}) if all(event.values())]

    async def finish(self) -> None:
        await self.exchange.finish(sse.encode(self.closing()) + sse.DONE)


def in_band(error: GatewayError) -> bytes:
    """Render a failure as the end of a stream of events."""
    return sse.encode(error.envelope()) + sse.DONE


class TextAnswer(GeneratedAnswer):
    """Plain text: notices, the answer as it arrives, then a sentence about a truncation, the
    disclaimer and the emergency note."""

    def __init__(self, request: PreparedPrompt, opened: Opened, services: Services) -> None:
        super().__init__(request, opened, services)
        self._last = f"{services.labels.disclaimer.text}\n{services.labels.emergency_note}"

    def place(self, around: Surroundings) -> Surroundings:
        """Return what comes before the answer, always with the notices; `finish` has the end."""
        return Surroundings(around.opening or format_notices(self.label["notices"]))

    async def write(self, delta: EngineDelta) -> None:
        exchange, wording = self.exchange, self.services.screener.wording
        if not exchange.record.status:
            words = partial(render_failure, wording, self._last)
            await exchange.start(200, PLAIN_TEXT, last_words=words)
        if delta.text:
            await exchange.write(delta.text.encode())

    async def finish(self) -> None:
        wording, truncated = self.services.screener.wording, self.final["truncated"]
        await self.exchange.finish(end_of_text(truncated, wording, self._last))


FORMS: Mapping[Form, type[GeneratedAnswer]] = {
    "json": JsonAnswer,
    "sse": EventAnswer,
    "text": TextAnswer,
}
