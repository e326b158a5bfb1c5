"""/llm/generate: a prompt in, an answer out as JSON, server-sent events or plain text."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from sys import getsizeof
from typing import TYPE_CHECKING, ClassVar

import orjson

from gateway.engine.client import EngineResponse
from gateway.engine.watch import Model
from gateway.errors import EngineGarbled, GatewayError
from gateway.generate import engine_body, truncation
from gateway.generate.prompt import Delta, Prompt
from gateway.generate.request import Form, checked, finale, form_of
from gateway.generate.stream_reader import AnswerReader, no_answer
from gateway.http import sse
from gateway.http.exchange import AI_GENERATED, LARGE_BYTES, NO_STORE, Exchange
from gateway.json_types import Json
from gateway.pipeline import EVENT_STREAM, is_stream
from gateway.record import Notice
from gateway.safety import placement, provenance
from gateway.safety.reasoning import is_shown
from gateway.safety.refusals import HEAD
from gateway.safety.wording import Wording
from gateway.services import Services

if TYPE_CHECKING:
    from gateway.safety.output_checks.checks import AnswerChecks

PATH = "/llm/generate"
PIECE_BYTES = 64  # of a piece of text beside its characters
COPIES = 3  # of an answer at its end: in pieces, joined, as JSON
PLAIN_TEXT = (
    (b"content-type", b"text/plain; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
    AI_GENERATED,
)


class Generate:
    """Reads the bodies of POST /llm/generate."""

    def read(
        self, sent: Json, body: bytes, exchange: Exchange, services: Services
    ) -> "GenerateCall":
        """Check a request and make the engine's of it."""
        settings = services.settings
        request = checked(sent)
        model = services.model_seen()
        prompt = request.to_prompt(
            max_tokens=settings.max_tokens,
            system=settings.system_prompt if model.has_chat_template else None,
            max_history=settings.max_messages,
        )
        stream = settings.streaming if request.stream is None else request.stream
        form = form_of(exchange.header(b"accept"), stream=stream)
        principal = exchange.record.principal
        prompt = permitted(prompt, services, may_see="reasoning" in principal.scopes)
        parameters = engine_body.body(prompt, model, reasoning_budget=settings.max_reasoning_tokens)
        parameters |= services.gate.engine_fields(principal, parameters, ranked=model.by_priority)
        # The default system prompt is an input like the caller's own. Sorted: the same request
        # has the same digest, however its JSON was written.
        digested = orjson.dumps({**sent, "system": prompt.system}, option=orjson.OPT_SORT_KEYS)
        checks = services.answer_checks(sent, PATH)
        return GenerateCall(prompt, model, form, parameters, digested, exchange, services, checks)


def permitted(prompt: Prompt, services: Services, *, may_see: bool) -> Prompt:
    """Withhold reasoning that this caller may not see."""
    if not prompt.include_reasoning or is_shown(services.settings.reasoning, may_see):
        return prompt
    return replace(prompt, include_reasoning=False, is_reasoning_withheld=True)


@dataclass(slots=True)
class GenerateCall:
    """A prompt and the form its answer takes."""

    prompt: Prompt
    model: Model
    form: Form
    parameters: Json
    digested: bytes
    exchange: Exchange
    services: Services
    checks: "AnswerChecks | None" = None
    asks_model: ClassVar[bool] = True

    @property
    def is_stream(self) -> bool:
        return self.form != "json"

    def pack(self) -> int:
        """Keep the prompt; it is sent in a body of its own."""
        self.digested = b""
        return 3 * sum(map(getsizeof, self.prompt.texts()))

    def sent(self) -> Json:
        return self.parameters

    async def engine_request(self) -> tuple[str, bytes]:
        """The prompt as it fits the limit and the model's context."""
        settings, model = self.services.settings, self.model
        limit = truncation.limit_for(
            self.prompt,
            model,
            max_input=settings.max_input_length,
            reasoning_budget=settings.max_reasoning_tokens,
        )
        self.prompt = await truncation.fit(
            self.prompt, model, self.services.engine, limit=limit, cut=settings.truncate
        )
        self.parameters |= engine_body.content(self.prompt, model)
        return engine_body.path(model), orjson.dumps(self.parameters)

    def answer(self, response: EngineResponse, label: Json) -> "GeneratedAnswer":
        """The answer in the form that was chosen; the engine always streams."""
        if not is_stream(response):
            raise EngineGarbled(
                "The engine did not stream its answer; check that it serves an OpenAI API."
            )
        budget = self.services.settings.max_reasoning_tokens
        reader = AnswerReader(
            response,
            answer_budget=self.prompt.max_tokens,
            reasoning_budget=budget if self.model.budgets_reasoning else None,
        )
        return FORMS[self.form](self, reader, label)


class GeneratedAnswer:
    """The answer to one prompt, in one of three forms."""

    def __init__(self, call: GenerateCall, reader: AnswerReader, label: Json) -> None:
        self.finals: list[Json] = []
        self.checks = call.checks
        self.prompt = call.prompt
        self.exchange = call.exchange
        self.services = call.services
        self.settings = call.services.settings
        self.disclaimer = call.services.labels.disclaimer.text
        self.emergency_note = call.services.labels.emergency_note
        self.model = call.model
        self.reader = reader
        self.label = label

    @property
    def usage(self) -> Json | None:
        return self.reader.answer.usage

    @property
    def pieces(self) -> int:
        return self.reader.pieces

    @property
    def beginnings(self) -> list[str]:
        """The first words of the text so far, if there is any."""
        text = self.reader.answer.text or self.reader.text()
        return [text[:HEAD]] if text else []

    def digests(self) -> list[str]:
        """The digest of the text so far, if there is any."""
        text = self.reader.text()
        return [provenance.keyed_digest(self.services.labels.key, text)] if text else []

    async def send(self) -> None:
        """Render the deltas as they come; JSON, events and plain text each do it in their way."""
        raise NotImplementedError

    async def deltas(self) -> AsyncIterator[Delta]:
        """Yield the deltas the caller may see; raise NoAnswer at the end of one without text."""
        gathered, held = 0, self.exchange.memory.held_bytes
        async for delta in self.reader.deltas():
            before = gathered // LARGE_BYTES
            gathered += PIECE_BYTES + len(delta.text) + len(delta.reasoning)
            if gathered // LARGE_BYTES > before:  # kept to the end: the answer has its digest
                self.exchange.memory.hold(held + COPIES * gathered)
            if delta.text or self.prompt.include_reasoning:
                self.exchange.first_token()
                yield delta
        answer = self.reader.answer
        if answer.reasoning:
            self.services.watch.mark_reasoning(self.model)
        self.finals.append(self._final())
        if not answer.text.strip() and not (self.prompt.include_reasoning and answer.reasoning):
            raise no_answer(answer)

    async def placed(self, where: placement.Placement) -> AsyncIterator[Delta]:
        """Yield the deltas with the disclaimer before and after the text, as configured."""
        opening = placement.opening(self.disclaimer, where)
        async for delta in self.deltas():
            if delta.text and opening:
                delta, opening = replace(delta, text=opening + delta.text), ""
            yield delta
        if closing := placement.closing(self.disclaimer, where):
            yield Delta(text=closing)

    def _final(self) -> Json:
        """The closing half of the label, once the deltas have ended."""
        answer = self.reader.answer
        return self.reader.ending().label(
            [*self.prompt.warnings(), *answer.warnings],
            self.checks.warnings(answer.text) if self.checks is not None else (),
            digest=provenance.keyed_digest(self.services.labels.key, answer.text),
            fingerprint=answer.system_fingerprint,
            was_input_cut=self.prompt.was_cut,
        )

    def closing(self) -> Json:
        """Everything of an answer but its text, once its deltas have ended."""
        (final,) = self.finals
        return finale(
            self.reader.answer,
            model=self.model.id,
            mmhie=provenance.merge(self.label, final),
            request_id=self.exchange.record.request_id,
        )


def paragraphs(notices: Sequence[Notice]) -> str:
    """Return notices as paragraphs of a plain text."""
    return "".join(f"{notice['message']}\n\n" for notice in notices)


def last_lines(notices: Sequence[Notice], shown: int, closing: str) -> str:
    """Return the end of every plain text, after the notices that have come since it began."""
    return paragraphs(notices[shown:]) + closing


def end_of_text(truncated: str | None, wording: Wording, last: str) -> bytes:
    """Return the end of a plain text: what was cut off, where something was, and the last lines."""
    cut = f"\n\n{wording.closing(truncated)}" if truncated else ""
    return f"{cut}\n\n{last}\n".encode()


def interrupted(wording: Wording, last: str, error: GatewayError) -> bytes:
    """Return the end of a plain text that could not be finished."""
    return f"\n\n[{wording.interrupted}: {error.message}]\n\n{last}\n".encode()


class JsonAnswer(GeneratedAnswer):
    """The whole answer as one object."""

    async def send(self) -> None:
        async for _ in self.deltas():
            pass
        answer = self.reader.answer
        text = placement.place(answer.text, self.disclaimer, self.settings.disclaimer_in_text)
        reasoning = {"reasoning": answer.reasoning} if self.prompt.include_reasoning else {}
        body = orjson.dumps({"text": text, **self.closing(), **reasoning})
        await self.exchange.respond(200, body, headers=[AI_GENERATED, NO_STORE])


class EventAnswer(GeneratedAnswer):
    """Every delta as an event the moment it is there, then one with everything else."""

    async def send(self) -> None:
        exchange = self.exchange
        exchange.last_words = lambda error: sse.encode(error.envelope()) + sse.DONE
        early = {"notices": found} if (found := self.label["notices"]) else {}
        async for delta in self.placed(self.settings.disclaimer_in_text):
            if not exchange.record.status:
                await exchange.start(200, EVENT_STREAM)
            for event in self._events(delta):
                await exchange.write(sse.encode({**event, **early}))
                early = {}
        await exchange.finish(sse.encode(self.closing()) + sse.DONE)

    def _events(self, delta: Delta) -> list[Mapping[str, str]]:
        """Answer and reasoning never share an event."""
        reasoning = [{"reasoning_delta": delta.reasoning}] if self.prompt.include_reasoning else []
        return [event for event in (*reasoning, {"delta": delta.text}) if all(event.values())]


class TextAnswer(GeneratedAnswer):
    """Notices, then the answer's text as it comes; what was cut off, the disclaimer and the
    emergency note close it."""

    async def send(self) -> None:
        exchange, wanted = self.exchange, self.settings.disclaimer_in_text
        wording = self.services.screener.wording
        notices, opening = self.label["notices"], paragraphs(self.label["notices"])
        closing = f"{self.disclaimer}\n{self.emergency_note}"
        last = partial(last_lines, notices, len(notices), closing)
        exchange.last_words = lambda error: interrupted(wording, last(), error)
        async for delta in self.placed("prefix" if wanted in ("prefix", "both") else "off"):
            if not exchange.record.status:
                await exchange.start(200, PLAIN_TEXT)
            if delta.text:
                await exchange.write((opening + delta.text).encode())
                opening = ""
        await exchange.finish(end_of_text(self.finals[0]["truncated"], wording, last()))


FORMS: Mapping[Form, type[GeneratedAnswer]] = {
    "json": JsonAnswer,
    "sse": EventAnswer,
    "text": TextAnswer,
}
