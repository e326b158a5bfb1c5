"""The pass-through of /tokenize, /detokenize and /v1/messages/count_tokens: no model output."""

from dataclasses import dataclass

from gateway.engine import openai_json
from gateway.http.exchange import NO_STORE, Exchange
from gateway.pipeline import Incoming, Opened, OutgoingAnswer, is_stream
from gateway.proxy.handler import PreparedPassThrough, check_form, checked_model
from gateway.runtime.json_types import Json
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
        return PreparedCount(self.path, body, model, facts)


class PreparedCount(PreparedPassThrough):
    """A checked request; its answer is passed on without a label: no model wrote it."""

    def answer(self, opened: Opened, services: Services) -> OutgoingAnswer:
        check_form(is_stream(opened.response), wanted=False)
        record = opened.exchange.record
        record.prompt_estimate = 0  # the model gets no prompt
        if record.origin is not None:
            record.origin = record.origin._replace(disclaimer="")  # a count has none
        return CountAnswer(opened)


class CountAnswer:
    """The engine's count; no token is generated for it."""

    usage: Json | None = None
    pieces = 0

    def __init__(self, opened: Opened) -> None:
        self.finals: list[Json] = []
        self._opened = opened

    def digests(self) -> list[str]:
        """Return none: there is no model output."""
        return []

    async def send(self) -> None:
        """Send the engine's JSON; raise EngineGarbled or OutOfMemory."""
        _, response, _, exchange, memory = self._opened
        before = memory.held_bytes
        body = await response.read_all(seen=lambda size: memory.hold(before + size))
        openai_json.check_object(body)
        await exchange.respond(200, body, headers=[NO_STORE])
