"""The pass-through of vLLM's chat, completions, responses and messages APIs."""

from collections.abc import Awaitable, Iterator
from dataclasses import dataclass
from functools import partial
from sys import maxsize

from gateway.api import request_policy
from gateway.api.constraints import CONSTRAINTS, check_constraints
from gateway.api.paths import COMPLETIONS, MESSAGES, RESPONSES
from gateway.api.request_text import has_token_ids
from gateway.engine import openai_json
from gateway.engine.watch import ServedModel
from gateway.errors import EngineCut, EngineGarbled, Forbidden, GatewayError, ModelNotFound
from gateway.http import sse
from gateway.http.exchange import LARGE_BYTES, Exchange
from gateway.limits.memory_budget import parsed_bytes
from gateway.pipeline import (
    EVENT_STREAM,
    Incoming,
    Opened,
    OutgoingAnswer,
    Prepared,
    is_stream,
    origin_headers,
)
from gateway.proxy.chunks import ChunkRelay
from gateway.proxy.event_relay import EventRelay
from gateway.proxy.json_response import WholeAnswer
from gateway.proxy.message_events import MessageEventRelay
from gateway.proxy.output_policy import PLAIN, OutputPolicy
from gateway.proxy.response_events import ResponseEventRelay
from gateway.record import most_prompt_tokens
from gateway.runtime.heavy_work import HEAVY_BYTES, HeavyWork
from gateway.runtime.json_types import Json
from gateway.safety.labels import not_generated
from gateway.safety.placement import effective
from gateway.safety.reasoning import is_shown
from gateway.services import Services

# Their streams always have token counts.
COUNTED = (RESPONSES, MESSAGES)
DEFAULT_SHARE = 4  # a quarter of a caller's token limit is the budget of a request without one


@dataclass(frozen=True, slots=True)
class PassThrough:
    """One path of the OpenAI or Anthropic API, the same at the gateway and the engine."""

    path: str

    def most_tokens(self, incoming: Incoming, services: Services, most: int) -> int:
        """Return the tokens that prompt and answers may take, for a caller with `most`."""
        request, model = incoming.request, services.watch.state.model
        template, context = (model.template_tokens, model.max_model_len) if model else (0, None)
        budget = request_policy.answer_budget(self.path, request)
        if budget is None:
            cap = services.settings.max_v1_tokens or default_share(request, most)
            (budget,) = request_policy.default_budget(self.path, request, cap).values()
        answers = min(budget, context or budget) * request_policy.count_answers(request)
        return most_prompt_tokens(len(incoming.body), template) + answers

    def read(
        self, incoming: Incoming, exchange: Exchange, services: Services
    ) -> "PreparedPassThrough":
        """Check a request against the served models and the request policy."""
        request, scopes = incoming.request, exchange.record.principal.scopes
        model = checked_model(self.path, incoming, services)
        if not CONSTRAINTS.isdisjoint(request):
            check_constraints(request, scopes)
        policy = self._policy(incoming, model, services, may_see="reasoning" in scopes)
        check_separation(self.path, policy, reasons=model.reasons)
        added = additions(self.path, incoming, model, exchange, services)
        body = openai_json.request_with(incoming.body, request, added)
        return PreparedPassThrough(
            model=model,
            facts=services.labels.collect_facts(request, incoming.body),
            path=self.path,
            body=body,
            is_stream=openai_json.is_true(request.get("stream")),
            held_bytes=2 * len(body),  # the socket has a copy
            policy=policy,
            takes_usage="stream_options" in added,
        )

    def _policy(
        self, incoming: Incoming, model: ServedModel, services: Services, *, may_see: bool
    ) -> OutputPolicy:
        path, request, settings = self.path, incoming.request, services.settings
        echoed, where = echoed_prompts(path, request), settings.disclaimer_in_text
        return OutputPolicy(
            key=services.labels.key,
            hides_reasoning=not is_shown(settings.reasoning, may_see),
            placement=where if where == "off" else effective(where, path, request),
            warnings=tuple(early_warnings(path, request, reasons=model.reasons)),
            served=model.ids,
            echoed=echoed,
            generates=not echoed or request_policy.answer_budget(path, request) != 0,
        )


def additions(
    path: str, incoming: Incoming, model: ServedModel, exchange: Exchange, services: Services
) -> Json:
    """Return the keys to add to a request: budget, token counts, our fields, the model's name."""
    request, principal = incoming.request, exchange.record.principal
    most = services.settings.max_v1_tokens
    if most is None and principal.limits.tokens_per_minute:
        limit = services.gate.limiter.tokens_per_minute(principal) or 1
        share, context = default_share(request, limit), model.max_model_len
        total = share + most_prompt_tokens(len(incoming.body), model.template_tokens)
        is_least = path == COMPLETIONS or context is None or total <= context
        most = share if is_least else None  # else the context ends the answer
    extra = {
        **request_policy.default_budget(path, request, most),
        **services.gate.engine_fields(principal, request, ranked=model.by_priority),
    }
    if openai_json.is_true(request.get("stream")) and path not in COUNTED:
        extra |= openai_json.with_usage(request)
    if request.get("model") is None:  # vLLM would answer with the base below an adapter
        extra["model"] = model.id
    return extra


def default_share(request: Json, limit: int) -> int:
    """Return the tokens of each answer, without a budget, for a caller with this token limit."""
    return max(1, limit // DEFAULT_SHARE // request_policy.count_answers(request))


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedPassThrough(Prepared):
    """A checked request: the caller's body with a few keys added."""

    policy: OutputPolicy = PLAIN
    takes_usage: bool = False  # we requested the usage chunk, not the caller

    def answer(self, opened: Opened, services: Services) -> OutgoingAnswer:
        """Return the answer, as a stream or whole; raise EngineGarbled for an unrequested form."""
        check_form(opened, wanted=self.is_stream)
        if not self.policy.generates:
            opened = opened._replace(label=not_generated(opened.label))
        label, labels = opened.label, services.labels
        policy = self.policy.with_label(label, services.screener.wording)
        policy = policy._replace(signer=labels.signer(label), transcript=opened.transcript)
        if self.is_stream:
            return RelayedStream(opened, self._relay(label, policy), services.heavy)
        return WholeAnswer(opened, policy, services.heavy)

    def _relay(self, label: Json, policy: OutputPolicy) -> EventRelay:
        if self.path == RESPONSES:
            return ResponseEventRelay(label, policy)
        if self.path == MESSAGES:
            return MessageEventRelay(label, policy)
        return ChunkRelay(label, policy, took_usage=self.takes_usage)


class RelayedStream:
    """A stream whose events are sent as soon as they are complete."""

    __slots__ = (
        *("_buffer", "_exchange", "_has_begun", "_head", "_heavy", "_held"),
        *("_memory", "_pass", "_relay", "_response", "tally"),
    )

    def __init__(self, opened: Opened, relay: EventRelay, heavy: HeavyWork) -> None:
        self._buffer = sse.EventBuffer()
        self._exchange = opened.exchange
        take = relay.pass_chunk
        self._pass = partial(take, opened.exchange.write_framed) if take else None
        self._has_begun = False
        self._head = (*EVENT_STREAM, *origin_headers(opened.label))
        self._heavy = heavy
        self._memory = opened.memory
        self._held = opened.memory.held_bytes
        self._relay = self.tally = relay
        self._response = opened.response

    async def send(self) -> None:
        """Relay until the end of the engine's stream; raise the failure that ended it early."""
        try:
            await self._response.forward(self._take)
        except GatewayError:
            if not self._relay.ended:  # else the caller has the whole answer
                raise
        if not self._relay.ended:
            raise EngineCut("The engine's answer stopped before its end; try again.")
        await self._exchange.finish()

    def _take(self, data: bytes) -> Awaitable[None] | None:
        """Send the events that are complete now; return an awaitable if the next data has to wait.
        It raises a failure once the events before it have been sent."""
        try:
            events = self._buffer.feed(data)
        except GatewayError as problem:
            return self._fail(b"", problem)
        if events and max(map(len, events)) > HEAVY_BYTES:
            return self._take_large(events)
        return self._send_ready(*self._relay_all(events))

    async def _take_large(self, events: list[bytes]) -> None:
        """Relay events in a thread: the first one may have the prompt's log probabilities."""
        waiting = self._send_ready(*await self._heavy.run(lambda: self._relay_all(events)))
        if waiting is not None:
            self._response.pass_chunks(None)  # later chunks must not overtake these events
            await waiting

    def _relay_all(self, events: list[bytes]) -> tuple[bytes, GatewayError | None]:
        """Return the bytes to send for events, and the failure after them, if any."""
        ready: list[bytes] = []
        try:
            for event in events:
                if self._relay.ended:
                    break  # the closing label has been sent, with the digest of all text
                if len(event) > LARGE_BYTES:
                    self._memory.require(parsed_bytes(event))
                ready.append(self._relay.relay(event))
            is_token = any(not event.startswith(b":") for event in events)  # and no comment
            if is_token and not self._relay.ended:  # events after the end are no progress
                self._response.mark_progress()
            if self._buffer.waiting_bytes > LARGE_BYTES:
                self._memory.hold(self._held + self._buffer.waiting_bytes)
        except GatewayError as problem:
            return b"".join(ready), problem
        return ready[0] if len(ready) == 1 else b"".join(ready), None

    def _send_ready(self, ready: bytes, problem: GatewayError | None) -> Awaitable[None] | None:
        """Send the bytes. Later chunks may overtake this one unless part of an event is waiting."""
        if problem is not None:
            return self._fail(ready, problem)
        self._response.pass_chunks(None if self._buffer.waiting_bytes else self._pass)
        if not ready:
            return None
        return self._exchange.write_now(ready) if self._has_begun else self._begin(ready)

    async def _begin(self, ready: bytes) -> None:
        """Send the head with the first event."""
        if not self._has_begun:
            self._exchange.first_token()
            await self._exchange.start(200, self._head, last_words=self._relay.render)
            self._has_begun = True
        await self._exchange.write(ready)

    async def _fail(self, ready: bytes, problem: GatewayError) -> None:
        if ready:
            await self._begin(ready)
        raise problem


def early_warnings(path: str, request: Json, *, reasons: bool | None) -> Iterator[str]:
    """Yield the warnings that are known before the engine answers."""
    if reasons and path == COMPLETIONS:
        # Text completions bypass Harmony: the text may be reasoning that reads like an answer.
        yield "reasoning_not_separated"
    if has_token_ids(request):
        yield "input_not_screened"
    if echoed_prompts(path, request):
        yield "prompt_echoed"


def echoed_prompts(path: str, request: Json) -> tuple[int, ...]:
    """Return the lengths of the prompts that a text completion repeats before its texts, one for
    each choice. That of token ids is not known: all text may be theirs."""
    if path != COMPLETIONS or not openai_json.is_true(request.get("echo")):
        return ()
    prompt = request.get("prompt")
    prompts = prompt[: request_policy.MOST_CHOICES] if isinstance(prompt, list) else [prompt]
    lengths = [len(text) if isinstance(text, str) else maxsize for text in prompts]
    return tuple(length for length in lengths for _ in range(max(request.get("n") or 1, 1)))


def checked_model(path: str, incoming: Incoming, services: Services) -> ServedModel:
    """Return the served model; raise if the request names another, or breaks the request policy."""
    model, name = services.available_model(), incoming.request.get("model")
    if name is not None and name not in model.ids:
        raise model_not_found(model.ids)
    rules, most = request_policy.rules_for(path), services.settings.max_v1_tokens
    request_policy.check(incoming.body, incoming.request, most, rules)
    return model


def model_not_found(served: tuple[str, ...]) -> ModelNotFound:
    return ModelNotFound(
        f"This model is not served here; served: {', '.join(served)}.", param="model"
    )


def check_separation(path: str, policy: OutputPolicy, *, reasons: bool | None) -> None:
    """Raise Forbidden for text completions of a caller who may not see reasoning.

    Their text may contain reasoning, and vLLM leaves out the markers that would show where. A model
    of which it is not known (`reasons` is None) counts as one that reasons.
    """
    if path == COMPLETIONS and policy.hides_reasoning and reasons is not False:
        raise Forbidden(
            "This model's reasoning is hidden from you (MMHIE_REASONING), and text completions do "
            "not separate it from the answer; use /v1/chat/completions."
        )


def check_form(opened: Opened, *, wanted: bool) -> None:
    """Raise EngineGarbled for a stream that was not requested, or a missing one."""
    if is_stream(opened.response) is not wanted:
        raise EngineGarbled(
            "The engine streamed an answer that was not to be streamed, or the reverse; "
            "try again without `stream`."
        )
