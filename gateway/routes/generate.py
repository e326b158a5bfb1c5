"""POST /llm/generate: a prompt in, an answer out as JSON, server-sent events or plain text."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson

from gateway.engine.client import EngineRequest
from gateway.engine.watch import Model
from gateway.errors import EngineGarbled, GatewayError, NoAnswer
from gateway.generate import engine_body, truncation
from gateway.generate.prompt import Delta, Prompt
from gateway.generate.request import Form, finale, form_of, parse_request
from gateway.generate.stream_reader import AnswerReader, no_answer
from gateway.http import sse
from gateway.http.exchange import AI_GENERATED, NO_STORE, Exchange
from gateway.proxy.streaming import EVENT_STREAM, in_band
from gateway.routes.openai import is_stream, refuse_failures
from gateway.safety import harmony, placement, provenance
from gateway.safety.reasoning import is_shown
from gateway.services import Services

PATH = "/llm/generate"
PLAIN_TEXT = (
    (b"content-type", b"text/plain; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
    AI_GENERATED,
)


@dataclass(frozen=True, slots=True)
class Answering:
    """One question on its way to becoming an answer in some form."""

    exchange: Exchange
    services: Services
    ask: Prompt
    model: Model
    reader: AnswerReader
    first: dict[str, Any]

    async def deltas(self) -> AsyncIterator[Delta]:
        """The deltas the caller may see; raises NoAnswer at the end when there was no answer."""
        async for delta in self.reader.deltas():
            if delta.text or self.ask.include_reasoning:
                if "ttft_ms" not in self.exchange.facts:
                    self.services.metrics.first_token(self.exchange)
                yield delta
        answer = self.reader.answer
        if answer.reasoning:
            self.services.watch.mark_reasoning(self.model)
        if not answer.text.strip() and not (self.ask.include_reasoning and answer.reasoning):
            raise self._count_and(no_answer)

    async def placed(self, where: placement.Placement) -> AsyncIterator[Delta]:
        """The deltas with the disclaimer before and after the text, where that is wanted."""
        disclaimer = self.services.labels.disclaimer.text
        opening = placement.opening(disclaimer, where)
        async for delta in self.deltas():
            if delta.text and opening:
                delta, opening = replace(delta, text=opening + delta.text), ""
            yield delta
        if closing := placement.closing(disclaimer, where):
            yield Delta(text=closing)

    def _count_and(self, error: Callable[..., NoAnswer]) -> NoAnswer:
        self.closing()
        return error(self.reader.answer)

    def early(self) -> dict[str, Any]:
        """What cannot wait for the end of a stream: a red flag in the question."""
        found = self.first["notices"]
        return {"notices": found} if found else {}

    def closing(self) -> dict[str, Any]:
        """What is told beside the text, once the deltas have ended; counts the answer."""
        answer = self.reader.answer
        truncated = harmony.truncation(answer.finish_reason, answer.text or None, answer.reasoning)
        final = provenance.completion(
            truncated=truncated or ("input" if self.ask.was_cut else None),
            warnings=[*answer.warnings, *self.ask.warnings()],
            output_digest=provenance.keyed_digest(self.services.labels.key, answer.text),
            system_fingerprint=answer.system_fingerprint,
        )
        self.services.metrics.answered(self.exchange, answer.usage, self.first["notices"], [final])
        return finale(
            answer,
            model=self.model.id,
            mmhie=provenance.merge(self.first, final),
            request_id=self.exchange.request_id,
        )


async def generate(exchange: Exchange, services: Services) -> None:
    """Answer one exchange on /llm/generate."""
    settings = services.settings
    request = parse_request(await exchange.body(max_bytes=settings.max_body_bytes))
    model = services.model()
    ask = request.to_ask(
        max_tokens=settings.max_tokens,
        system=settings.system_prompt if model.has_chat_template else None,
    )
    ask = permitted(ask, services, exchange)
    stream = settings.streaming if request.stream is None else request.stream
    form = form_of(exchange.header(b"accept"), stream=stream)
    exchange.facts["stream"] = stream
    async with exchange.watched(), services.admission.slot(exchange.client.priority):
        ask = await fitted(ask, model, services)
        await answer(exchange, services, ask, model, form)


def permitted(ask: Prompt, services: Services, exchange: Exchange) -> Prompt:
    """The question without a wish for reasoning that this caller may not see."""
    may_see = "reasoning" in exchange.client.scopes
    if not ask.include_reasoning or is_shown(services.settings.reasoning, may_see):
        return ask
    return replace(ask, include_reasoning=False, is_reasoning_withheld=True)


async def fitted(ask: Prompt, model: Model, services: Services) -> Prompt:
    """The question as it fits the limit and the model's context."""
    settings = services.settings
    limit = truncation.limit_for(
        ask,
        model,
        max_input=settings.max_input_length,
        reasoning_budget=settings.max_reasoning_tokens,
    )
    return await truncation.fit(ask, model, services.engine, limit=limit, cut=settings.truncate)


async def answer(
    exchange: Exchange, services: Services, ask: Prompt, model: Model, form: Form
) -> None:
    """Put the question to the engine and render what comes, in the form that was chosen."""
    budget = services.settings.max_reasoning_tokens
    body = engine_body.body(ask, model, reasoning_budget=budget)
    body |= services.gate.engine_fields(exchange.client, body, ranked=model.by_priority)
    limit = services.settings.timeout_seconds
    response = await services.engine.open(
        EngineRequest(
            "POST",
            engine_body.path(model),
            orjson.dumps(body),
            request_id=exchange.request_id,
            session=services.gate.session_id(exchange.client),
            traceparent=exchange.traceparent(),
            idle_s=None if form == "json" else limit,
            total_s=limit if form == "json" else None,
        )
    )
    try:
        first = services.labels.initial(
            services.serving(model),
            body,
            request_id=exchange.request_id,
            prompt=ask.prompt,
            question=ask.prompt,
        )
        exchange.facts |= provenance.identity(first)
        await refuse_failures(response, body)
        if not is_stream(response):
            raise EngineGarbled("The engine did not answer with a stream.")
        reader = AnswerReader(
            response,
            answer_budget=ask.max_tokens,
            reasoning_budget=budget if model.budgets_reasoning else None,
        )
        await RENDER[form](Answering(exchange, services, ask, model, reader, first))
    finally:
        response.close()


async def as_json(answering: Answering) -> None:
    """The whole answer as one object."""
    async for _ in answering.deltas():
        pass
    told, services = answering.reader.answer, answering.services
    closing = answering.closing()
    text = placement.place(
        told.text, services.labels.disclaimer.text, services.settings.disclaimer_in_text
    )
    reasoning = {"reasoning": told.reasoning} if answering.ask.include_reasoning else {}
    body = orjson.dumps({"text": text, **closing, **reasoning})
    await answering.exchange.respond(200, body, headers=[AI_GENERATED, NO_STORE])


async def as_events(answering: Answering) -> None:
    """Every delta as an event the moment it is there, then one with everything else."""
    exchange = answering.exchange
    where = answering.services.settings.disclaimer_in_text
    early = answering.early()
    async with in_band(exchange, lambda error: sse.encode(error.envelope()) + sse.DONE):
        async for delta in answering.placed(where):
            if not exchange.status:
                await exchange.start(200, EVENT_STREAM)
            for event in events(delta, answering.ask):
                await exchange.write(sse.encode({**event, **early}))
                early = {}
        await exchange.finish(sse.encode(answering.closing()) + sse.DONE)


def events(delta: Delta, ask: Prompt) -> list[Mapping[str, str]]:
    """Answer and reasoning never share an event."""
    reasoning = [{"reasoning_delta": delta.reasoning}] if ask.include_reasoning else []
    return [event for event in (*reasoning, {"delta": delta.text}) if all(event.values())]


async def as_text(answering: Answering) -> None:
    """The answer's text as it comes, the disclaimer as its closing paragraph."""
    exchange = answering.exchange
    disclaimer = answering.services.labels.disclaimer.text
    wanted = answering.services.settings.disclaimer_in_text
    where: placement.Placement = "prefix" if wanted in ("prefix", "both") else "off"

    def interrupted(error: GatewayError) -> bytes:
        return f"\n\n[interrupted] {error.message}\n\n{disclaimer}\n".encode()

    async with in_band(exchange, interrupted):
        async for delta in answering.placed(where):
            if not exchange.status:
                await exchange.start(200, PLAIN_TEXT)
            if delta.text:
                await exchange.write(delta.text.encode())
        answering.closing()
        await exchange.finish(f"\n\n{disclaimer}\n".encode())


RENDER: Mapping[Form, Callable[[Answering], Awaitable[None]]] = {
    "json": as_json,
    "sse": as_events,
    "text": as_text,
}
