"""Streams of chat and text completions: a label on the first chunk and on the finishing one."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import orjson

from gateway.engine import openai_json
from gateway.engine.errors import translate_event
from gateway.errors import EngineCut, EngineGarbled, GatewayError
from gateway.http import sse
from gateway.proxy.chunk_fast_path import ChunkFastPath, WriteFramed
from gateway.proxy.output_policy import PLAIN, ChoiceState, OutputPolicy
from gateway.runtime.json_types import Json
from gateway.safety import provenance

MOST_CHOICES = 16
FRAMING_BYTES = 4  # of an HTTP chunk, beside the digits of its size


@dataclass(frozen=True, slots=True)
class PendingChunk:
    """A chunk that is labelled, and the choices that finish with it."""

    content: bytes
    finished: list[Json]
    fingerprint: str | None


class ChunkRelay:
    """One stream, event by event. It adds no chunk; every other byte is the engine's own."""

    def __init__(
        self,
        initial: Json,
        *,
        key: bytes,
        took_usage: bool,
        request: Callable[[], object],
        policy: OutputPolicy = PLAIN,
        most: int = MOST_CHOICES,
    ) -> None:
        """`most` is the number of choices that the caller may ask for."""
        self.usage: Json | None = None
        self.pieces = 0
        self.finals: list[Json] = []
        self.ended = False
        self._initial: Json | None = initial
        self._repeatable = provenance.repeatable(initial)
        self._key = key
        self._policy = policy
        self._most = most
        self._took_usage = took_usage  # the usage chunk was requested by us, not by the caller
        self._request = request
        self._choices: dict[int, ChoiceState] = {}
        self._pending: list[PendingChunk] = []
        self._template: tuple[ChunkFastPath, ChoiceState] | None = None

    def relay(self, event: bytes) -> bytes:
        """Return what to send for an event, perhaps nothing; raises what an error in it means."""
        if self._template is not None:
            template, state = self._template
            if text := template.text(event):
                state.hear_more(text)
                self.pieces += 1
                return event
            self._template = None
        event = openai_json.unlabelled_event(event)
        content = sse.payload(event)
        if not content:
            return event  # a comment
        if content == b"[DONE]":
            return self._end(event)
        chunk = openai_json.parse(content)
        if chunk.get("error"):
            raise translate_event(content, self._request())
        usage = openai_json.usage_of(chunk)
        self.usage = usage or self.usage
        choices = openai_json.choices_of(chunk)
        self.pieces += sum(map(openai_json.says_something, choices))
        if usage and not choices and self._took_usage:
            return self._release(chunk.get("system_fingerprint"))
        released = b"" if self._may_wait(choices) else self._release(None)
        passed = self._label(event, content, chunk, choices)
        if passed is event and len(choices) == 1 and not usage:
            self._template = self._expected(event, chunk, choices[0])
        return released + passed if released else passed

    def framed(self, chunk: bytes, write: WriteFramed) -> int:
        """Write an HTTP chunk of the engine's as it came, where its event is as expected; returns
        the bytes of the event, or 0 where nothing was written."""
        if self._template is None:
            return 0
        template, state = self._template
        text = template.framed_text(chunk)
        if not text or not write(chunk):
            return 0
        state.hear_more(text)
        self.pieces += 1
        return len(chunk) - chunk.index(b"\r") - FRAMING_BYTES

    def digests(self) -> list[str]:
        """The digests so far of the choices that have said something."""
        said = (choice for choice in self._choices.values() if choice.has_text)
        return [provenance.format_digest(choice.mac) for choice in said]

    def render(self, error: GatewayError) -> bytes:
        """Render a failure after the first byte as OpenAI clients read it, then the terminator."""
        return sse.encode(error.envelope()) + sse.DONE

    def _label(self, event: bytes, content: bytes, chunk: Json, choices: list[Json]) -> bytes:
        """Label a chunk; held back where the usage chunk must come first."""
        passed = [self._choice(choice).pass_on(choice) for choice in choices]
        if any(after is not before for after, before in zip(passed, choices, strict=True)):
            content = orjson.dumps({**chunk, "choices": passed})
            event = sse.data_only(content)
        finished = [choice for choice in choices if choice.get("finish_reason")]
        for choice in finished:
            self._choice(choice).hear_model(chunk.get("model"))
        if not choices or not (self._initial or finished):
            return event
        pending = PendingChunk(content, finished, chunk.get("system_fingerprint"))
        if not (finished and self._took_usage):
            return self._written(pending, moved={})
        self._pending.append(pending)
        return b""

    def _may_wait(self, choices: list[Json]) -> bool:
        """Return whether finishing chunks may still wait for the usage chunk, behind a chunk of
        other choices."""
        waiting = {choice.get("index", 0) for chunk in self._pending for choice in chunk.finished}
        return bool(choices) and waiting.isdisjoint(choice.get("index", 0) for choice in choices)

    def _expected(
        self, event: bytes, chunk: Json, choice: Json
    ) -> tuple[ChunkFastPath, ChoiceState] | None:
        """The template of the next event, after one that went on as it came."""
        state = self._choice(choice)
        text = openai_json.message_of(choice).get("content")
        if not text or not state.is_in_text or not self._policy.keeps_reasoning:
            return None
        template = ChunkFastPath.of(event, chunk, text)
        return (template, state) if template is not None else None

    def _choice(self, choice: Json) -> ChoiceState:
        """The state of the choice with this index."""
        index = choice.get("index", 0)
        state = self._choices.get(index)
        if state is None:
            if len(self._choices) >= self._most:
                raise EngineGarbled(
                    "The engine sends more choices than one may ask for; try again."
                )
            state = self._choices[index] = ChoiceState(self._policy.digest(self._key), self._policy)
        return state

    def _release(self, fingerprint: str | None) -> bytes:
        """The finishing chunks that were held, in order, with the fingerprint that vLLM moved to
        the usage chunk."""
        held, self._pending = self._pending, []
        return b"".join(self._restored(pending, fingerprint) for pending in held)

    def _restored(self, pending: PendingChunk, fingerprint: str | None) -> bytes:
        if not fingerprint or pending.fingerprint:
            return self._written(pending, moved={})
        moved = {"system_fingerprint": fingerprint}
        return self._written(replace(pending, fingerprint=fingerprint), moved=moved)

    def _written(self, pending: PendingChunk, *, moved: Json) -> bytes:
        label, self._initial = self._initial, None
        for choice in pending.finished:
            state = self._choices[choice.get("index", 0)]
            final = state.final(choice["finish_reason"], fingerprint=pending.fingerprint)
            self.finals.append(final)
            label = provenance.merge(label or self._repeatable, final)
        return sse.data_only(openai_json.append(pending.content, {**moved, "mmhie": label}))

    def _end(self, event: bytes) -> bytes:
        rest = self._release(None)
        if not self.finals:
            raise EngineCut("The engine ended its answer without a finish_reason; try again.")
        self.ended = True
        return rest + event
