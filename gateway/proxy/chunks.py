"""Streams of chat and text completions: a label on the first chunk and on the finishing one."""

from collections.abc import Callable
from typing import NamedTuple

import orjson

from gateway.api.request_policy import MOST_CHOICES
from gateway.engine import openai_json
from gateway.engine.errors import translate_event
from gateway.errors import EngineCut, GatewayError
from gateway.http import sse
from gateway.proxy.event_relay import EventRelay, WriteFramed
from gateway.proxy.output_policy import PLAIN, ChoiceState, OutputPolicy, with_content
from gateway.runtime.json_types import Json
from gateway.safety import labels

# The text of a choice in chat and in text completions.
TEXT_KEYS = (b'"content":"', b'"text":"')
PROBE = "a probe"
LONGEST_BYTES = 4096  # of an HTTP chunk on the fast path; a usual one has a few hundred
NO_PREFIX = b"?"  # no HTTP chunk begins with it


class ChunkFastPath:
    """Recognises chunks that differ from the previous one in their text only, without parsing.

    Nearly every chunk of a stream is like that. The path remembers the bytes before and after the
    text; in an event with the same bytes, the text is what lies between (`text`). An HTTP chunk
    with exactly one such event can be sent unchanged, framing included (`framed_text`): parsing
    would give the same bytes. Everything else goes to the parser, which is between two events then.
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
        """Return the path for events like this one, whose only choice has this text; None if that
        is not certain."""
        raw = text.encode(errors="replace")
        if not raw or decode_text(raw) != raw:
            return None
        for key in TEXT_KEYS:
            before, marker, after = event.partition(key + raw + b'"')
            if marker:
                path = cls(before + key, b'"' + after)
                return path if path._is_right(chunk, text) else None
        return None

    def text(self, event: bytes) -> bytes:
        """Return the text of an event in UTF-8; empty if the event differs elsewhere, too."""
        if (
            len(event) <= self._least
            or not event.startswith(self._before)
            or not event.endswith(self._after)
        ):
            return b""
        return decode_text(event[len(self._before) : -len(self._after)])

    def framed_text(self, chunk: bytes) -> bytes:
        """Return the text of an event in an HTTP chunk that is framed as our server does it."""
        before = self._framed_befores.get(len(chunk)) or self._framed_before(len(chunk))
        if not (chunk.startswith(before) and chunk.endswith(self._framed_after)):
            return b""
        return decode_text(chunk[len(before) : -len(self._framed_after)])

    def _framed_before(self, length: int) -> bytes:
        """Return the first bytes of a framed chunk of this length."""
        framed = NO_PREFIX
        for digits in (1, 2, 3):
            head = b"%x\r\n" % max(0, length - digits - 4)
            if len(head) == digits + 2 and self._least < length <= LONGEST_BYTES:
                framed = head + self._before
        self._framed_befores[min(length, LONGEST_BYTES + 1)] = framed
        return framed

    def _is_right(self, chunk: Json, text: str) -> bool:
        """Test with a probe that replacing the text changes the text of the choice only."""
        probe = openai_json.parse(sse.payload(self._before + PROBE.encode() + self._after))
        (choice,) = openai_json.read_choices(probe)
        if openai_json.read_message(choice).get("content") != PROBE:
            return False
        return {**probe, "choices": [with_content(choice, text)]} == chunk


def decode_text(raw: bytes) -> bytes:
    """Decode the inside of a JSON string to UTF-8; empty if it is invalid, or has a `<`, which may
    begin a Harmony marker."""
    try:
        text: str = orjson.loads(b'"%b"' % raw)
    except orjson.JSONDecodeError:
        return b""
    return b"" if "<" in text else text.encode()


class PendingChunk(NamedTuple):
    """A chunk that gets a label, and the choices that finish with it."""

    content: bytes
    finished: list[Json]
    fingerprint: str | None


class ChunkRelay(EventRelay):
    """Relays one stream, event by event. It adds no chunk; all other bytes are the engine's."""

    def __init__(self, initial: Json, policy: OutputPolicy = PLAIN, *, took_usage: bool) -> None:
        """`took_usage`: we requested the usage chunk, not the caller."""
        super().__init__(initial, policy)
        self._unsent: Json | None = initial
        self._repeatable = labels.repeatable(initial)
        self._took_usage = took_usage
        self._choices: dict[int, ChoiceState] = {}
        self._pending: list[PendingChunk] = []
        self._fast: ChunkFastPath | None = None
        self._add_text: Callable[[bytes], None]  # to the digest of the choice on the fast path

    def relay(self, event: bytes) -> bytes:
        """Return the bytes to send for an event, perhaps none; raise the error that it contains.
        Takes linear time: at most 4 MiB (`EventBuffer`), and 32 KB on the event loop."""
        if self._fast is not None:
            if text := self._fast.text(event):
                self._add_text(text)
                self.pieces += 1
                return event
            self._fast = None
        event = openai_json.remove_labels(event)
        content = sse.payload(event)
        if not content:
            return event  # a comment
        if content == b"[DONE]":
            return self._end(event)
        chunk = openai_json.parse(content)
        if chunk.get("error"):
            raise translate_event(content)
        usage = openai_json.read_usage(chunk)
        self.usage = usage or self.usage
        choices = openai_json.read_choices(chunk)
        self.pieces += sum(map(openai_json.has_tokens, choices))
        if usage and not choices and self._took_usage:
            return self._release(chunk.get("system_fingerprint"))
        must_go = self._pending and not self._may_wait(choices)
        released = self._release(None) if must_go else b""
        passed = self._label(event, content, chunk, choices)
        if passed is event and len(choices) == 1 and not usage:
            self._fast = self._fast_path(event, chunk, choices[0])
        return released + passed if released else passed

    def pass_chunk(self, write: WriteFramed, chunk: bytes) -> bool:
        """Write an HTTP chunk unchanged if it is on the fast path; return whether it was."""
        if self._fast is None:
            return False
        text = self._fast.framed_text(chunk)
        if not text or not write(chunk):
            return False
        self._add_text(text)
        self.pieces += 1
        return True

    def digests(self) -> list[str]:
        """Return the digests so far of the choices that have text."""
        choices = list(self._choices.values())  # a thread may be adding to them
        return [labels.format_digest(choice.mac) for choice in choices if choice.has_text]

    def render(self, error: GatewayError) -> bytes:
        """Render a failure after the first byte for OpenAI clients, with the terminator."""
        return sse.encode(error.envelope()) + sse.DONE

    def _label(self, event: bytes, content: bytes, chunk: Json, choices: list[Json]) -> bytes:
        """Label a chunk if it is the first or finishes a choice; a finishing one may have to wait
        for the usage chunk."""
        passed = [self._choice(choice).pass_on(choice) for choice in choices]
        if any(after is not before for after, before in zip(passed, choices, strict=True)):
            content = orjson.dumps({**chunk, "choices": passed})
            event = sse.data_only(content)
        finished = [choice for choice in choices if choice.get("finish_reason")]
        for choice in finished:
            self._choice(choice).check_model_name(chunk.get("model"))
        if not choices or not (self._unsent or finished):
            return event
        pending = PendingChunk(content, finished, chunk.get("system_fingerprint"))
        if not (finished and self._took_usage):
            return self._add_label(pending)
        self._pending.append(pending)
        return b""

    def _may_wait(self, choices: list[Json]) -> bool:
        """Return whether a chunk with these choices may overtake the finishing chunks that wait."""
        waiting = {choice.get("index", 0) for chunk in self._pending for choice in chunk.finished}
        return bool(choices) and waiting.isdisjoint(choice.get("index", 0) for choice in choices)

    def _fast_path(self, event: bytes, chunk: Json, choice: Json) -> ChunkFastPath | None:
        """Return the fast path of the next event, after one that passed unchanged."""
        state = self._choice(choice)
        text = openai_json.read_message(choice).get("content")
        is_usual = len(event) <= LONGEST_BYTES and not self._policy.hides_reasoning
        is_alone = not choice.get("logprobs")  # they differ for each token
        if not (text and is_alone and is_usual and state.is_in_text):
            return None
        self._add_text = state.mac.update
        return ChunkFastPath.of(event, chunk, text)

    def _choice(self, choice: Json) -> ChoiceState:
        """Return the state of a choice; raise EngineGarbled for too many choices."""
        index = choice.get("index", 0)
        state = self._choices.get(index)
        if state is None:
            if len(self._choices) >= MOST_CHOICES:
                raise openai_json.too_many_choices()
            mac = self._policy.digest()
            state = self._choices[index] = ChoiceState.at(index, mac, self._policy)
        return state

    def _release(self, fingerprint: str | None) -> bytes:
        """Return the finishing chunks that waited, with the fingerprint of the usage chunk."""
        waiting, self._pending = self._pending, []
        return b"".join(self._add_label(pending, fingerprint) for pending in waiting)

    def _add_label(self, pending: PendingChunk, fingerprint: str | None = None) -> bytes:
        """Return a labelled chunk; `fingerprint` is for one without a fingerprint of its own."""
        label, self._unsent = self._unsent, None
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
