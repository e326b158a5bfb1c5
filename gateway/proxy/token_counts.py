"""The pass-through of /tokenize, /detokenize and /v1/messages/count_tokens: no model output."""

from dataclasses import dataclass
from typing import NamedTuple

from gateway.engine import openai_json
from gateway.http.exchange import NO_STORE, Exchange
from gateway.pipeline import Incoming, Opened, OutgoingAnswer, Prepared
from gateway.proxy.handler import check_form, checked_model
from gateway.record import AnswerTally
from gateway.services import Services


@dataclass(frozen=True, slots=True)
class TokenCount:
    """One path of the engine's tokenizer, the same at the gateway and the engine."""

    path: str

    def most_tokens(self, incoming: Incoming, services: Services, most: int) -> int:
        """Return 0: the model gets no prompt."""
        return 0

    def read(self, incoming: Incoming, exchange: Exchange, services: Services) -> "PreparedCount":
        """Check a request against the served models and the request policy."""
        model, request = checked_model(self.path, incoming, services), incoming.request
        named = {} if request.get("model") is not None else {"model": model.id}
        body = openai_json.request_with(incoming.body, request, named)
        facts = services.labels.collect_facts(request, incoming.body)
        return PreparedCount(
            model=model,
            facts=facts,
            path=self.path,
            body=body,
            held_bytes=2 * len(body),
            is_stream=False,
        )


class PreparedCount(Prepared):
    """A checked request; its answer is passed on without a label: no model wrote it."""

    def answer(self, opened: Opened, services: Services) -> OutgoingAnswer:
        """Return the engine's count."""
        check_form(opened, wanted=False)
        record = opened.exchange.record
        record.prompt_estimate = 0  # the model gets no prompt
        if record.origin is not None:
            record.origin = record.origin._replace(disclaimer="")  # a count has none
        return CountAnswer(opened)


class CountAnswer(NamedTuple):
    """The engine's count; no token is generated for it."""

    opened: Opened

    @property
    def tally(self) -> AnswerTally:
        return AnswerTally()

    async def send(self) -> None:
        """Send the engine's JSON; raise EngineGarbled or OutOfMemory."""
        response, exchange, memory = self.opened.response, self.opened.exchange, self.opened.memory
        before = memory.held_bytes
        body = await response.read_all(seen=lambda size: memory.hold(before + size))
        openai_json.check_object(body)
        await exchange.respond(200, body, headers=[NO_STORE])
