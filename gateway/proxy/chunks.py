"""Streams of chat and text completions: a label on the first chunk and on the finishing one."""

from dataclasses import dataclass, replace
from typing import Any

import orjson

from gateway.engine.errors import translate_event
from gateway.errors import EngineCut, GatewayError
from gateway.http import sse
from gateway.proxy import openai_json
from gateway.proxy.choice_state import ChoiceState
from gateway.proxy.output_policy import PLAIN, OutputPolicy
from gateway.proxy.template_fast_path import TemplateFastPath
from gateway.safety import provenance


@dataclass(frozen=True, slots=True)
class PendingChunk:
    """A chunk that is labelled, and the choices that finish with it."""

    content: bytes
    label: dict[str, Any] | None
    finished: list[dict[str, Any]]
    fingerprint: str | None


class ChunkRelay:
    """One stream, event by event. It adds no chunk; every other byte is the engine's own."""

    def __init__(
        self,
        first: dict[str, Any],
        *,
        key: bytes,
        took_usage: bool,
        request: object,
        shape: OutputPolicy = PLAIN,
    ) -> None:
        self.usage: dict[str, Any] | None = None
        self.finals: list[dict[str, Any]] = []
        self.ended = False
        self._first: dict[str, Any] | None = first
        self._kept = provenance.repeatable(first)
        self._key = key
        self._shape = shape
        self._took_usage = took_usage  # we asked for the usage chunk, the caller did not
        self._request = request
        self._told: dict[int, ChoiceState] = {}
        self._held: PendingChunk | None = None
        self._repeat: tuple[TemplateFastPath, ChoiceState] | None = None

    def relay(self, event: bytes) -> bytes:
        """What to send for an event, perhaps nothing; raises what an error in it means."""
        if self._repeat is not None:
            repeat, told = self._repeat
            if text := repeat.text(event):
                told.hear_more(text)
                return event
            self._repeat = None
        content = sse.payload(event)
        if not content:
            return event  # a comment
        if content == b"[DONE]":
            return self._end(event)
        chunk = openai_json.parse(content)
        if chunk.get("error"):
            raise translate_event(content, self._request)
        usage = openai_json.usage_of(chunk)
        self.usage = usage or self.usage
        choices = openai_json.choices_of(chunk)
        if usage and not choices and self._took_usage:
            return self._release(chunk.get("system_fingerprint"))
        released, passed = self._release(None), self._label(event, content, chunk, choices)
        if passed is event and len(choices) == 1 and not usage:
            self._repeat = self._expected(event, chunk, choices[0])
        return released + passed if released else passed

    def render(self, error: GatewayError) -> bytes:
        """A failure after the first byte: what OpenAI clients raise on, then the terminator."""
        return sse.encode(error.envelope()) + sse.DONE

    def _label(
        self, event: bytes, content: bytes, chunk: dict[str, Any], choices: list[dict[str, Any]]
    ) -> bytes:
        """The chunk with what there is to say on it; held where the usage chunk must come first."""
        passed = [self._choice(choice).pass_on(choice) for choice in choices]
        if any(after is not before for after, before in zip(passed, choices, strict=True)):
            content = orjson.dumps({**chunk, "choices": passed})
            event = sse.data_only(content)
        finished = [choice for choice in choices if choice.get("finish_reason")]
        if not choices or not (self._first or finished):
            return event
        label, self._first = self._first, None
        held = PendingChunk(content, label, finished, chunk.get("system_fingerprint"))
        if not (finished and self._took_usage):
            return self._written(held, moved={})
        self._held = held
        return b""

    def _expected(
        self, event: bytes, chunk: dict[str, Any], choice: dict[str, Any]
    ) -> tuple[TemplateFastPath, ChoiceState] | None:
        """What the next event most likely is like, after one that went on as it came."""
        told = self._choice(choice)
        text = openai_json.message_of(choice).get("content")
        if not text or not told.is_in_text or not self._shape.keeps_reasoning:
            return None
        repeat = TemplateFastPath.of(event, chunk, text)
        return (repeat, told) if repeat is not None else None

    def _choice(self, choice: dict[str, Any]) -> ChoiceState:
        """What the choice of this index has told so far."""
        index = choice.get("index", 0)
        told = self._told.get(index)
        if told is None:
            told = self._told[index] = ChoiceState(provenance.new_digest(self._key), self._shape)
        return told

    def _release(self, fingerprint: str | None) -> bytes:
        """The finishing chunk that waited, with the fingerprint vLLM moved to the usage chunk."""
        held, self._held = self._held, None
        if held is None:
            return b""
        if not fingerprint or held.fingerprint:
            return self._written(held, moved={})
        moved = {"system_fingerprint": fingerprint}
        return self._written(replace(held, fingerprint=fingerprint), moved=moved)

    def _written(self, held: PendingChunk, *, moved: dict[str, Any]) -> bytes:
        label = held.label
        for choice in held.finished:
            told = self._told[choice.get("index", 0)]
            final = told.final(choice["finish_reason"], fingerprint=held.fingerprint)
            self.finals.append(final)
            label = provenance.merge(label or self._kept, final)
        return sse.data_only(openai_json.append(held.content, {**moved, "mmhie": label}))

    def _end(self, event: bytes) -> bytes:
        rest = self._release(None)
        if not self.finals:
            raise EngineCut("The engine ended the answer without saying why.")
        self.ended = True
        return rest + event
