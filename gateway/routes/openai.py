"""POST /v1/chat/completions, /v1/completions, /v1/responses: vLLM's own API, passed through."""

from collections.abc import Mapping, Sequence
from typing import Any

from gateway.engine.client import LARGEST_ERROR_BYTES, EngineRequest, EngineResponse
from gateway.engine.errors import translate
from gateway.errors import EngineGarbled, Forbidden, ModelNotFound
from gateway.generate.request import parse_object
from gateway.http.exchange import AI_GENERATED, NO_STORE, Exchange
from gateway.http.headers import value_of, values_of
from gateway.proxy import json_response, openai_json, request_policy
from gateway.proxy.chunks import ChunkRelay
from gateway.proxy.output_policy import OutputPolicy, surrounded
from gateway.proxy.response_events import ResponseEventRelay
from gateway.proxy.streaming import relay_events
from gateway.safety.labels import user_text
from gateway.safety.provenance import identity
from gateway.services import Services

PATHS = ("/v1/chat/completions", "/v1/completions", "/v1/responses")
COMPLETIONS = "/v1/completions"
RESPONSES = "/v1/responses"


class PassThrough:
    """Relays one path of the OpenAI API; `path` is the engine's as well as ours."""

    def __init__(self, path: str) -> None:
        self.path = path

    async def __call__(self, exchange: Exchange, services: Services) -> None:
        body = await exchange.body(max_bytes=services.settings.max_body_bytes)
        parsed = parse_object(body)
        model = services.model()
        check_model(parsed.get("model"), model.ids)
        request_policy.check(body, parsed, services.caps)
        shape = shape_of(self.path, services, exchange, parsed, reasons=model.reasons)
        check_separation(self.path, shape, reasons=model.reasons)
        label = services.labels.initial(
            services.serving(model),
            parsed,
            request_id=exchange.request_id,
            prompt=body,
            question=user_text(parsed),
        )
        stream = parsed.get("stream") is True
        usage = openai_json.with_usage(parsed) if stream and self.path != RESPONSES else {}
        # Without a name, vLLM would answer with the base below an adapter.
        named = {} if parsed.get("model") is not None else {"model": model.id}
        extra = named | usage | request_policy.default_budget(self.path, parsed, services.caps)
        extra |= services.gate.engine_fields(exchange.client, parsed, ranked=model.by_priority)
        exchange.facts |= identity(label)
        async with exchange.watched(), services.admission.slot(exchange.client.priority):
            engine_body = openai_json.request_with(body, parsed, extra)
            request = self._request(exchange, services, engine_body, stream)
            response = await services.engine.open(request)
            try:
                await refuse_failures(response, parsed)
                streams = is_stream(response)
                check_form(streams, parsed.get("stream"))
                if streams:
                    relay = self._relay(services, label, parsed, shape, took_usage=bool(usage))
                    await self._stream(exchange, services, response, relay, label["notices"])
                else:
                    await self._whole(exchange, services, response, label, shape)
            finally:
                response.close()

    def _request(
        self, exchange: Exchange, services: Services, body: bytes, stream: bool
    ) -> EngineRequest:
        limit = services.settings.timeout_seconds
        exchange.facts["stream"] = stream
        return EngineRequest(
            "POST",
            self.path,
            body,
            request_id=exchange.request_id,
            session=services.gate.session_id(exchange.client),
            traceparent=exchange.traceparent(),
            idle_s=limit if stream else None,
            total_s=None if stream else limit,
        )

    async def _whole(
        self,
        exchange: Exchange,
        services: Services,
        response: EngineResponse,
        first: dict[str, Any],
        shape: OutputPolicy,
    ) -> None:
        body, final, usage = json_response.label(
            await response.read_all(), first, key=services.labels.key, path=self.path, shape=shape
        )
        services.metrics.answered(exchange, usage, first["notices"], [final])
        await exchange.respond(200, body, headers=[AI_GENERATED, NO_STORE])

    def _relay(
        self,
        services: Services,
        first: dict[str, Any],
        parsed: dict[str, Any],
        shape: OutputPolicy,
        *,
        took_usage: bool,
    ) -> ChunkRelay | ResponseEventRelay:
        key = services.labels.key
        if self.path == RESPONSES:
            return ResponseEventRelay(first, key=key, shape=shape)
        return ChunkRelay(first, key=key, took_usage=took_usage, request=parsed, shape=shape)

    async def _stream(
        self,
        exchange: Exchange,
        services: Services,
        response: EngineResponse,
        relay: ChunkRelay | ResponseEventRelay,
        notices: Sequence[Mapping[str, str]],
    ) -> None:
        await relay_events(exchange, services.metrics, response, relay)
        services.metrics.answered(exchange, relay.usage, notices, relay.finals)


def shape_of(
    path: str,
    services: Services,
    exchange: Exchange,
    parsed: dict[str, Any],
    *,
    reasons: bool | None,
) -> OutputPolicy:
    """How the answer has to look to this caller on this path."""
    settings = services.settings
    disclaimer = services.labels.disclaimer.text
    opening, closing = surrounded(parsed, disclaimer, settings.disclaimer_in_v1_text)
    return OutputPolicy(
        policy=settings.reasoning,
        name=settings.reasoning_field,
        may_see="reasoning" in exchange.client.scopes,
        opening=opening,
        closing=closing,
        # Text completions bypass Harmony: what comes may be reasoning that reads like an answer.
        warnings=("reasoning_not_separated",) if reasons and path == COMPLETIONS else (),
    )


def check_model(asked_for: object, served: tuple[str, ...]) -> None:
    """Only what is served may be named; naming nothing means the model that is."""
    if asked_for is not None and asked_for not in served:
        raise ModelNotFound(
            f"That model is not served here; served: {', '.join(served)}.", param="model"
        )


def check_separation(path: str, shape: OutputPolicy, *, reasons: bool | None) -> None:
    """What may hold reasoning does not leave where reasoning is hidden; `reasons` may be unknown.

    The text cannot be cleaned of it: vLLM leaves out the markers that would tell it apart.
    """
    if path == COMPLETIONS and shape.hides_reasoning and reasons is not False:
        raise Forbidden(
            "This model's reasoning is hidden from you (MMHIE_REASONING), and text completions do "
            "not separate it from the answer; use /v1/chat/completions."
        )


def is_stream(response: EngineResponse) -> bool:
    """What the engine made of the request decides: it also takes `"stream": "true"`."""
    return value_of(response.headers, b"content-type").startswith(b"text/event-stream")


def check_form(streams: bool, wanted: object) -> None:
    """Raise EngineGarbled where a stream was asked for and none comes, or the reverse. What is
    neither true nor false is the engine's to read: it takes `"stream": "true"`, too."""
    is_right = bool(wanted) if streams else wanted is not True
    if not is_right:
        raise EngineGarbled("The engine did not answer in the form it was asked for.")


async def refuse_failures(response: EngineResponse, request: object) -> None:
    """Raise what a status other than 200 means, while it can still be a status."""
    if response.status != 200:
        error = await response.read_all(LARGEST_ERROR_BYTES)
        raise translate(response.status, error, request)
    if values_of(response.headers, b"content-encoding"):
        raise EngineGarbled("The engine's answer is in an encoding that nobody asked for.")
