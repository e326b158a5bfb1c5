"""Streams of chat and text completions: a label on the first chunk and on the finishing one."""

from typing import Any

from gateway.answering.reading import parse
from gateway.errors import EngineCut, GatewayError
from gateway.relaying.told import Told
from gateway.safety import provenance
from gateway.wire import openai, sse


class ChunkRelay:
    """One stream, event by event. It adds no chunk; every other byte is the engine's own."""

    def __init__(self, first: dict[str, Any], *, key: bytes, took_usage: bool) -> None:
        self.usage: dict[str, Any] | None = None
        self.finals: list[dict[str, Any]] = []
        self.ended = False
        self._first: dict[str, Any] | None = first
        self._key = key
        self._took_usage = took_usage  # we asked for the usage chunk, the caller did not
        self._told: dict[int, Told] = {}
        self._held: tuple[bytes, str, Told] | None = None

    def relay(self, event: bytes) -> bytes:
        """What to send for an event, perhaps nothing; raises EngineRejected or EngineCut."""
        content = sse.payload(event)
        if not content:
            return event  # a comment
        if content == b"[DONE]":
            return self._end(event)
        chunk = parse(content)
        self.usage = chunk.get("usage") or self.usage
        choices = chunk.get("choices")
        if not choices:
            return self._usage_chunk(event, chunk)
        additions, finish = self._labels(chunk, choices, event)
        if finish and self._took_usage:
            self._held = (
                openai.append(content, additions),
                finish,
                self._told[choices[0]["index"]],
            )
            return b""
        return event if not additions else b"data: " + openai.append(content, additions) + b"\n\n"

    def render(self, error: GatewayError) -> bytes:
        """A failure after the first byte: what OpenAI clients raise on, then the terminator."""
        return sse.encode(error.envelope()) + sse.DONE

    def _labels(
        self, chunk: dict[str, Any], choices: list[dict[str, Any]], event: bytes
    ) -> tuple[dict[str, Any], str | None]:
        """The additions to a chunk, and the finish reason that it carries."""
        label, self._first = self._first, None
        finish = None
        for choice in choices:
            told = self._hear(choice, event)
            finish = choice.get("finish_reason") or finish
            if finish and not self._took_usage:
                last = self._final(told, finish, chunk.get("system_fingerprint"))
                label = provenance.whole(label, last) if label else last
        return ({"mmhie": label} if label else {}), finish

    def _hear(self, choice: dict[str, Any], event: bytes) -> Told:
        index = choice.get("index", 0)
        told = self._told.get(index)
        if told is None:
            told = self._told[index] = Told(provenance.digest(self._key))
        told.hear(choice.get("delta") or {"content": choice.get("text")}, raw=event)
        return told

    def _final(self, told: Told, finish: str, fingerprint: str | None) -> dict[str, Any]:
        final = told.final(finish, fingerprint=fingerprint)
        self.finals.append(final)
        return final

    def _usage_chunk(self, event: bytes, chunk: dict[str, Any]) -> bytes:
        """Without the caller's asking it stays here, less the fingerprint that vLLM moved to it."""
        if not self._took_usage:
            return event
        return self._release(chunk.get("system_fingerprint"))

    def _release(self, fingerprint: str | None) -> bytes:
        """The finishing chunk that waited for what the usage chunk knows."""
        if self._held is None:
            return b""
        (content, finish, told), self._held = self._held, None
        moved = {"system_fingerprint": fingerprint} if fingerprint else {}
        label = self._final(told, finish, fingerprint)
        if b'"mmhie":' in content:  # an answer of one chunk is first and last at once
            chunk = parse(content)
            label = provenance.whole(chunk.pop("mmhie"), label)
            content = content[: content.rindex(b',"mmhie":')] + b"}"
        return b"data: " + openai.append(content, {**moved, "mmhie": label}) + b"\n\n"

    def _end(self, event: bytes) -> bytes:
        rest = self._release(None)
        if not self.finals:
            raise EngineCut("The engine ended the answer without saying why.")
        self.ended = True
        return rest + event
