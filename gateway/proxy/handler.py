"""/v1/chat/completions, /v1/completions, /v1/responses, /v1/messages: vLLM's, passed through."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from gateway.engine import openai_json
from gateway.engine.client import EngineResponse
from gateway.engine.watch import Model
from gateway.errors import EngineGarbled, Forbidden, ModelNotFound
from gateway.http.exchange import AI_GENERATED, NO_STORE, Exchange
from gateway.json_types import Json
from gateway.limits import request_policy
from gateway.limits.memory_budget import parsed_bytes
from gateway.pipeline import Answer, EventRelay, RelayedStream, is_stream
from gateway.proxy import json_response
from gateway.proxy.chunks import ChunkRelay
from gateway.proxy.message_events import MessageEventRelay
from gateway.proxy.output_policy import OutputPolicy, surrounded
from gateway.proxy.response_events import ResponseEventRelay
from gateway.record import estimated_tokens
from gateway.safety.labels import has_token_ids
from gateway.services import Services

CHAT = "/v1/chat/completions"
COMPLETIONS = "/v1/completions"
RESPONSES = "/v1/responses"
MESSAGES = "/v1/messages"
# Their streams have token counts whether or not the caller asked.
COUNTED = (RESPONSES, MESSAGES)
COPIES = 4  # of an answer while it is labelled: as it came, to the parser and the digest, labelled


@dataclass(frozen=True, slots=True)
class PassThrough:
    """One path of the OpenAI or Anthropic API; `path` is the engine's as well as ours."""

    path: str

    def read(
        self, request: Json, body: bytes, exchange: Exchange, services: Services
    ) -> "PassedCall":
        """Check a request against the served models and the request policy."""
        model = checked_model(self.path, request, body, services)
        policy = output_policy(self.path, services, exchange, request, reasons=model.reasons)
        check_separation(self.path, policy, reasons=model.reasons)
        extra = additions(self.path, request, model, exchange, services)
        return PassedCall(
            self.path,
            body,
            request,
            extra,
            model,
            policy,
            exchange,
            services,
            request.get("stream"),
        )


def additions(
    path: str, request: Json, model: Model, exchange: Exchange, services: Services
) -> Json:
    """The keys that are added to a request: budget, token counts, our fields, the model's name."""
    extra = {
        **request_policy.default_budget(path, request, services.request_policy),
        **services.gate.engine_fields(exchange.record.principal, request, ranked=model.by_priority),
    }
    # Token counts are requested where the caller did not request them.
    if openai_json.is_true(request.get("stream")) and path not in COUNTED:
        extra |= openai_json.with_usage(request)
    if request.get("model") is None:  # vLLM would answer with the base below an adapter
        extra["model"] = model.id
    return extra


@dataclass(slots=True)
class PassedCall:
    """A request that goes on as it came, but for a few keys of ours."""

    path: str
    digested: bytes
    parameters: Json
    additions: Json
    model: Model
    policy: OutputPolicy
    exchange: Exchange
    services: Services
    stream: object = False
    body: bytes = b""

    @property
    def is_stream(self) -> bool:
        return openai_json.is_true(self.stream)

    def pack(self) -> int:
        """Keep the bytes for the engine, and what the caller said of the answer's form."""
        self.body = openai_json.request_with(self.digested, self.parameters, self.additions)
        self.parameters, self.digested = {}, b""
        return 2 * len(self.body)  # once more on its way

    def sent(self) -> Json:
        """Read the request once more: an error is rare, and what was parsed is large."""
        return openai_json.parse_request(self.body)

    async def engine_request(self) -> tuple[str, bytes]:
        """The caller's own bytes, with the model's name, the budget and our fields added."""
        return self.path, self.body

    def answer(self, response: EngineResponse, label: Json) -> Answer:
        """The answer in the form that the engine chose; raises EngineGarbled for the wrong one."""
        streams = is_stream(response)
        check_form(streams, self.stream)
        if streams:
            return RelayedStream(self.exchange, response, self._relay(label))
        return WholeAnswer(self, response, label)

    def _relay(self, label: Json) -> EventRelay:
        key = self.services.labels.key
        if self.path == RESPONSES:
            return ResponseEventRelay(label, key=key, policy=self.policy)
        if self.path == MESSAGES:
            return MessageEventRelay(label, key=key, policy=self.policy)
        return ChunkRelay(
            label,
            key=key,
            took_usage="stream_options" in self.additions,
            request=partial(openai_json.parse_request, self.body),  # the relay must not hold us
            policy=self.policy,
            most=self.services.request_policy.choices,
        )


class WholeAnswer:
    """An answer in one piece, labelled at its end."""

    def __init__(self, call: PassedCall, response: EngineResponse, label: Json) -> None:
        self.usage: Json | None = None
        self.pieces = 0
        self.finals: list[Json] = []
        self._call = call
        self._response = response
        self._label = label

    def digests(self) -> list[str]:
        """None: nothing is sent of an answer that is not whole."""
        return []

    async def send(self) -> None:
        call = self._call
        body = await self._labelled()
        await call.exchange.respond(200, body, headers=[AI_GENERATED, NO_STORE])

    async def _labelled(self) -> bytes:
        """Read and label the answer; raises OutOfMemory where it is too large for now."""
        call, memory = self._call, self._call.exchange.memory
        held = memory.held_bytes
        answer = await self._response.read_all(seen=lambda size: memory.hold(held + size))
        memory.hold(held + COPIES * len(answer) + parsed_bytes(answer))
        body, final, self.usage = json_response.label(
            answer,
            self._label,
            key=call.services.labels.key,
            path=call.path,
            policy=call.policy,
            most=call.services.request_policy.choices,
        )
        memory.hold(held + len(body))
        self.pieces = estimated_tokens(len(answer))
        self.finals.append(final)
        return body


def output_policy(
    path: str, services: Services, exchange: Exchange, request: Json, *, reasons: bool | None
) -> OutputPolicy:
    """The output policy for this caller on this path."""
    settings = services.settings
    disclaimer = services.labels.disclaimer.text
    opening, closing = surrounded(request, disclaimer, settings.disclaimer_in_v1_text)
    return OutputPolicy(
        policy=settings.reasoning,
        name=settings.reasoning_field,
        may_see="reasoning" in exchange.record.principal.scopes,
        opening=opening,
        closing=closing,
        warnings=tuple(warnings(path, request, reasons=reasons)),
    )


def warnings(path: str, request: Json, *, reasons: bool | None) -> Iterator[str]:
    """Yield warnings that are known before the engine answers."""
    if reasons and path == COMPLETIONS:
        # Text completions bypass Harmony: what comes may be reasoning that reads like an answer.
        yield "reasoning_not_separated"
    if has_token_ids(request):
        yield "input_not_screened"


def checked_model(path: str, request: Json, body: bytes, services: Services) -> Model:
    """Return the served model, once a request has met it and the request policy."""
    model = services.model()
    check_model(request.get("model"), model.ids)
    rules = request_policy.rules_for(path)
    request_policy.check(body, request, services.request_policy, rules)
    return model


def check_model(name: object, served: tuple[str, ...]) -> None:
    """Raise ModelNotFound for a model that is not served; no name means the served one."""
    if name is not None and name not in served:
        raise model_not_found(served)


def model_not_found(served: tuple[str, ...]) -> ModelNotFound:
    return ModelNotFound(
        f"This model is not served here; served: {', '.join(served)}.", param="model"
    )


def check_separation(path: str, policy: OutputPolicy, *, reasons: bool | None) -> None:
    """Refuse text completions where reasoning is hidden and the text may hold some; `reasons` may
    be unknown.

    The text cannot be cleaned of it: vLLM leaves out the markers that would tell it apart.
    """
    if path == COMPLETIONS and policy.hides_reasoning and reasons is not False:
        raise Forbidden(
            "This model's reasoning is hidden from you (MMHIE_REASONING), and text completions do "
            "not separate it from the answer; use /v1/chat/completions."
        )


def check_form(streams: bool, wanted: object) -> None:
    """Raise EngineGarbled where a stream was requested and none comes, or the reverse. A value that
    is neither true nor false is the engine's to read: it takes `"stream": "true"`, too."""
    is_right = bool(wanted) if streams else wanted is not True
    if not is_right:
        raise EngineGarbled(
            "The engine streamed an answer that was not to be streamed, or the reverse; "
            "try again without `stream`."
        )
