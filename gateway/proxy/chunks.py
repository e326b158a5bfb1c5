"""Streams of chat and text completions: a label on the first chunk and on the finishing one."""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import orjson

from gateway.engine import openai_json
from gateway.engine.errors import translate_event
from gateway.errors import EngineCut, EngineGarbled, GatewayError
from gateway.http import sse
from gateway.proxy.light_answer import LightAnswer
from gateway.proxy.output_policy import PLAIN, ChoiceState, OutputPolicy, with_content
from gateway.runtime.json_types import Json
from gateway.safety import labels

# Writes an HTTP chunk that has its framing; False where it may have to wait.
WriteFramed = Callable[[bytes], bool]
# Writes an HTTP chunk of the engine's as it came, where that is right; the bytes of its body, or 0.
Framed = Callable[[bytes, WriteFramed], int]

MOST_CHOICES = 16
FRAMING_BYTES = 4  # of an HTTP chunk, beside the digits of its size
# Where the text of a choice stands, in chat and in text completions.
TEXT_KEYS = (b'"content":"', b'"text":"')
PROBE = "a probe"
LONGEST_BYTES = 4096  # of an HTTP chunk that goes the short way; a token's has a few hundred
UNLEARNED = b"?"  # begins no HTTP chunk


class ChunkFastPath:
    """The shortest way of a chunk: what differs from the one before in its text only is not parsed.

    Nearly every chunk of a stream is such a one. The bytes around the text are remembered, and what
    stands between the same bytes is the text: so much for an event (`text`). Where the engine's
    socket has brought one event in one HTTP chunk, as it nearly always does, the same holds of the
    bytes with their framing (`framed_text`), and they can leave as they came: what the caller is
    sent would be the same, byte for byte, on the long way. Anything else falls back to the parser,
    which has missed nothing: it stands between two chunks meanwhile.
    """

    __slots__ = ("_after", "_before", "_framed_after", "_framed_befores", "_least")

    def __init__(self, before: bytes, after: bytes) -> None:
        self._before = before
        self._after = after
        self._least = len(before) + len(after)
        self._framed_after = after + b"\r\n"
        self._framed_befores: dict[int, bytes] = {}  # by the length of the framed chunk

    @classmethod
    def of(cls, event: bytes, chunk: Json, text: str) -> "ChunkFastPath | None":
        """Return what to expect after an event whose only choice says `text`; None where its bytes
        do not show that for sure."""
        raw = text.encode(errors="replace")
        if not raw or text_said(raw) != raw:
            return None
        for key in TEXT_KEYS:
            before, marker, after = event.partition(key + raw + b'"')
            if marker:
                template = cls(before + key, b'"' + after)
                return template if template._is_right(chunk, text) else None
        return None

    def text(self, event: bytes) -> bytes:
        """Return the text of an event that fits, in UTF-8; empty for any other."""
        if (
            len(event) <= self._least
            or not event.startswith(self._before)
            or not event.endswith(self._after)
        ):
            return b""
        return text_said(event[len(self._before) : -len(self._after)])

    def framed_text(self, chunk: bytes) -> bytes:
        """The same for an event in its HTTP chunk, framed as our own server frames it."""
        before = self._framed_befores.get(len(chunk)) or self._framed_before(len(chunk))
        if not (chunk.startswith(before) and chunk.endswith(self._framed_after)):
            return b""
        return text_said(chunk[len(before) : -len(self._framed_after)])

    def _framed_before(self, length: int) -> bytes:
        """Return what a framed chunk of this length begins with."""
        framed = UNLEARNED
        for digits in (1, 2, 3):
            head = b"%x\r\n" % max(0, length - digits - 4)
            if len(head) == digits + 2 and self._least < length <= LONGEST_BYTES:
                framed = head + self._before
        self._framed_befores[min(length, LONGEST_BYTES + 1)] = framed
        return framed

    def _is_right(self, chunk: Json, text: str) -> bool:
        """Prove with a probe that another text in that place is the text of the choice, no more."""
        probe = openai_json.parse(sse.payload(self._before + PROBE.encode() + self._after))
        (choice,) = openai_json.choices_of(probe)
        if openai_json.message_of(choice).get("content") != PROBE:
            return False
        return {**probe, "choices": [with_content(choice, text)]} == chunk


def text_said(raw: bytes) -> bytes:
    """Return what the bytes between a JSON string's quotes say, in UTF-8; empty where they are none
    such, and where they say a `<`, which may begin a Harmony marker."""
    try:
        text: str = orjson.loads(b'"%b"' % raw)
    except orjson.JSONDecodeError:
        return b""
    return b"" if "<" in text else text.encode()


# What is expected of the next chunk, and where its text is digested.
Template: TypeAlias = tuple[ChunkFastPath, Callable[[bytes], None]]


class PendingChunk(NamedTuple):
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
        policy: OutputPolicy = PLAIN,
        most: int = MOST_CHOICES,
    ) -> None:
        """`most` is the number of choices that the caller may ask for."""
        self.usage: Json | None = None
        self.pieces = 0
        self.finals: list[Json] = []
        self.ended = False
        self._initial: Json | None = initial
        self._repeatable = labels.repeatable(initial)
        self._key = key
        self._policy = policy
        self._most = most
        self._took_usage = took_usage  # the usage chunk was requested by us, not by the caller
        self._choices: dict[int, ChoiceState] = {}
        self._pending: list[PendingChunk] = []
        self._template: Template | None = None

    def relay(self, event: bytes, light: LightAnswer | None = None) -> bytes:
        """Return what to send for an event, perhaps nothing; raises what an error in it means. A
        large one comes with what of it has to be parsed."""
        if self._template is not None:
            template, hear = self._template
            if text := template.text(event):
                hear(text)
                self.pieces += 1
                return event
            self._template = None
        event = openai_json.unlabelled_event(event)
        content = sse.payload(event)
        if not content:
            return event  # a comment
        if content == b"[DONE]":
            return self._end(event)
        light = light or LightAnswer(content, content)
        chunk = openai_json.parse(light.body)
        if chunk.get("error"):
            raise translate_event(content)
        usage = openai_json.usage_of(chunk)
        self.usage = usage or self.usage
        choices = openai_json.choices_of(chunk)
        self.pieces += sum(map(openai_json.says_something, choices))
        if usage and not choices and self._took_usage:
            return self._release(chunk.get("system_fingerprint"))
        must_go = self._pending and not self._may_wait(choices)
        released = self._release(None) if must_go else b""
        passed = self._label(event, light, chunk, choices)
        if passed is event and len(choices) == 1 and not usage:
            self._template = self._expected(event, chunk, choices[0])
        return released + passed if released else passed

    def framed(self, chunk: bytes, write: WriteFramed) -> int:
        """Write an HTTP chunk of the engine's as it came, where its event is as expected; returns
        the bytes of the event, or 0 where nothing was written."""
        if self._template is None:
            return 0
        template, hear = self._template
        text = template.framed_text(chunk)
        if not text or not write(chunk):
            return 0
        hear(text)
        self.pieces += 1
        return len(chunk) - chunk.index(b"\r") - FRAMING_BYTES

    def digests(self) -> list[str]:
        """The digests so far of the choices that have said something."""
        choices = list(self._choices.values())  # to which a thread may be adding
        return [labels.format_digest(choice.mac) for choice in choices if choice.has_text]

    def render(self, error: GatewayError) -> bytes:
        """Render a failure after the first byte as OpenAI clients read it, then the terminator."""
        return sse.encode(error.envelope()) + sse.DONE

    def _label(self, event: bytes, light: LightAnswer, chunk: Json, choices: list[Json]) -> bytes:
        """Label a chunk; held back where the usage chunk must come first."""
        content = light.whole
        passed = [self._choice(choice).pass_on(choice) for choice in choices]
        if any(after is not before for after, before in zip(passed, choices, strict=True)):
            content = light.put_back(orjson.dumps({**chunk, "choices": passed}))
            event = sse.data_only(content)
        finished = [choice for choice in choices if choice.get("finish_reason")]
        for choice in finished:
            self._choice(choice).hear_model(chunk.get("model"))
        if not choices or not (self._initial or finished):
            return event
        pending = PendingChunk(content, finished, chunk.get("system_fingerprint"))
        if not (finished and self._took_usage):
            return self._written(pending)
        self._pending.append(pending)
        return b""

    def _may_wait(self, choices: list[Json]) -> bool:
        """Return whether finishing chunks may still wait for the usage chunk, behind a chunk of
        other choices."""
        waiting = {choice.get("index", 0) for chunk in self._pending for choice in chunk.finished}
        return bool(choices) and waiting.isdisjoint(choice.get("index", 0) for choice in choices)

    def _expected(self, event: bytes, chunk: Json, choice: Json) -> Template | None:
        """The template of the next event, after one that went on as it came."""
        state = self._choice(choice)
        text = openai_json.message_of(choice).get("content")
        is_usual = len(event) <= LONGEST_BYTES and not self._policy.hides_reasoning
        is_alone = not choice.get("logprobs")  # which no two tokens have in common
        if not (text and is_alone and is_usual and state.is_in_text):
            return None
        template = ChunkFastPath.of(event, chunk, text)
        return (template, state.mac.update) if template is not None else None

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
        return b"".join(self._written(pending, fingerprint) for pending in held)

    def _written(self, pending: PendingChunk, fingerprint: str | None = None) -> bytes:
        """A labelled chunk; without a fingerprint of its own it gets this one."""
        label, self._initial = self._initial, None
        moved = fingerprint if not pending.fingerprint else None
        for choice in pending.finished:
            state = self._choices[choice.get("index", 0)]
            final = state.final(choice["finish_reason"], fingerprint=moved or pending.fingerprint)
            self.finals.append(final)
            label = labels.merge(label or self._repeatable, final)
        added = {"system_fingerprint": moved, "mmhie": label} if moved else {"mmhie": label}
        return sse.data_only(openai_json.append(pending.content, added))

    def _end(self, event: bytes) -> bytes:
        rest = self._release(None)
        is_open = any(choice.has_text and not choice.has_ended for choice in self._choices.values())
        if is_open or not self.finals:
            raise EngineCut("The engine ended its answer without a finish_reason; try again.")
        self.ended = True
        return rest + event
