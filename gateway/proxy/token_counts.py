"""/tokenize, /detokenize, /v1/messages/count_tokens: the engine's tokenizer; no model output."""

from dataclasses import dataclass
from typing import ClassVar

from gateway.engine import openai_json
from gateway.engine.client import EngineResponse
from gateway.engine.watch import Model
from gateway.http.exchange import NO_STORE, Exchange
from gateway.json_types import Json
from gateway.limits.memory_budget import parsed_bytes
from gateway.pipeline import is_stream
from gateway.proxy.handler import check_form, checked_model
from gateway.services import Services

TOKENIZE = "/tokenize"
DETOKENIZE = "/detokenize"
COUNT = "/v1/messages/count_tokens"


@dataclass(frozen=True, slots=True)
class TokenCount:
    """One path of the engine's tokenizer; `path` is the engine's as well as ours."""

    path: str

    def read(
        self, request: Json, body: bytes, exchange: Exchange, services: Services
    ) -> "CountCall":
        """Check a request against the served models and the request policy."""
        model = checked_model(self.path, request, body, services)
        return CountCall(self.path, body, request, model, exchange)


@dataclass(slots=True)
class CountCall:
    """A text to count; its answer goes on as it comes, with no label: no model wrote it."""

    path: str
    digested: bytes
    parameters: Json
    model: Model
    exchange: Exchange
    is_stream: bool = False
    body: bytes = b""
    asks_model: ClassVar[bool] = False

    def pack(self) -> int:
        """Keep the bytes for the engine."""
        named = {} if self.parameters.get("model") is not None else {"model": self.model.id}
        self.body = openai_json.request_with(self.digested, self.parameters, named)
        self.parameters, self.digested = {}, b""
        return 2 * len(self.body)  # once more on its way

    def sent(self) -> Json:
        return openai_json.parse_request(self.body)

    async def engine_request(self) -> tuple[str, bytes]:
        return self.path, self.body

    def answer(self, response: EngineResponse, _: Json) -> "CountAnswer":
        check_form(is_stream(response), wanted=False)
        record = self.exchange.record
        record.prompt_estimate = 0  # the model is given no prompt
        if record.origin is not None:
            record.origin = record.origin._replace(disclaimer="")  # a count carries none
        return CountAnswer(self.exchange, response)


class CountAnswer:
    """The engine's count; no token is generated for it."""

    usage: Json | None = None
    pieces = 0
    beginnings = ()

    def __init__(self, exchange: Exchange, response: EngineResponse) -> None:
        self.finals: list[Json] = []
        self._exchange = exchange
        self._response = response

    def digests(self) -> list[str]:
        """None: the model said nothing."""
        return []

    async def send(self) -> None:
        """Send the engine's JSON; raises EngineGarbled where it is none, OutOfMemory."""
        memory = self._exchange.memory
        held = memory.held_bytes
        body = await self._response.read_all(seen=lambda size: memory.hold(held + size))
        memory.hold(held + len(body) + parsed_bytes(body))
        openai_json.parse(body)
        await self._exchange.respond(200, body, headers=[NO_STORE])
