"""A conversation with the model: what was said, how it is asked on, and how it is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from launcher.terminal.api_client import ApiClient, ServiceError
from launcher.terminal.markdown import harmless
from launcher.terminal.terminal import Screen, close

STOPPED = "You stopped this answer: it is not complete."


@dataclass(slots=True)
class Reply:
    """An answer as far as it came, and what was told about it."""

    text: str = ""
    reasoning: str = ""
    finish_reason: str | None = None
    stopped: bool = False
    mmhie: dict[str, Any] = field(default_factory=dict)

    def hear(self, told: Mapping[str, Any]) -> None:
        """Join what came with the first event and what came with the last."""
        both = {
            name: {**self.mmhie.get(name, {}), **told.get(name, {})}
            for name in ("provenance", "disclaimer")
        }
        self.mmhie = {**self.mmhie, **told, **both}


@dataclass(slots=True)
class Conversation:
    """Turns in the order in which they were spoken; a system message stands before them."""

    service: ApiClient
    system: str = ""
    effort: str | None = None
    max_tokens: int | None = None
    shows_reasoning: bool = False
    turns: list[dict[str, str]] = field(default_factory=list)
    replies: list[Reply] = field(default_factory=list)

    def question(self, text: str) -> dict[str, Any]:
        """The request that puts the next question."""
        system = [{"role": "system", "content": self.system}] if self.system else []
        asked = {"messages": [*system, *self.turns, {"role": "user", "content": text}]}
        options = {"temperature": 0, "max_tokens": self.max_tokens, "reasoning_effort": self.effort}
        return asked | {name: value for name, value in options.items() if value is not None}

    def ask(self, text: str, screen: Screen) -> Reply:
        """The answer, told to the screen as it comes; Ctrl-C stops it. Raises ServiceError.

        Only a whole answer becomes part of the conversation.
        """
        reply = Reply()
        try:
            with self.service.answer(self.question(text)) as pieces:
                for piece in pieces:
                    self._take(piece.text, piece.reasoning, piece.mmhie, reply, screen)
                    reply.finish_reason = piece.finish_reason or reply.finish_reason
        except KeyboardInterrupt:
            reply.stopped = True
        except ServiceError:
            screen.end()
            raise
        screen.end()
        if reply.stopped:
            screen.remark(STOPPED)
        close(screen, reply.mmhie)
        self._keep(text, reply)
        return reply

    def _take(
        self,
        text: str,
        reasoning: str,
        told: Mapping[str, Any] | None,
        reply: Reply,
        screen: Screen,
    ) -> None:
        if told:
            if told.get("notices") and not reply.mmhie:
                screen.notice(told["notices"])
            reply.hear(told)
        reply.text += text
        reply.reasoning += reasoning
        if reasoning and self.shows_reasoning:
            screen.reason(reasoning)
        if text:
            screen.write(text)

    def _keep(self, text: str, reply: Reply) -> None:
        self.replies.append(reply)
        if reply.text and not reply.stopped:
            self.turns += [
                {"role": "user", "content": text},
                {"role": "assistant", "content": reply.text},
            ]

    def forget(self) -> None:
        """Begin anew; the system message stays."""
        self.turns.clear()
        self.replies.clear()

    def transcript(self) -> str:
        """The conversation as Markdown, each answer with its labels."""
        parts = [f"System: {self.system}"] if self.system else []
        answers = iter([reply for reply in self.replies if reply.text and not reply.stopped])
        for turn in self.turns:
            if turn["role"] == "user":
                parts.append(f"## Question\n\n{turn['content']}")
            else:
                answer = f"{turn['content']}\n\n{labels(next(answers))}"
                parts.append(f"## Answer (AI-generated)\n\n{answer}")
        return harmless("\n\n".join(parts)) + "\n"


def labels(reply: Reply) -> str:
    """Where an answer came from, and the notices that belong to it."""
    origin, told = reply.mmhie.get("provenance", {}), reply.mmhie
    facts = [origin.get(name) for name in ("model", "time", "request_id")]
    lines = [notice["message"] for notice in told.get("notices") or ()]
    lines += [(told.get("disclaimer") or {}).get("text")]
    lines += [", ".join(str(fact) for fact in facts if fact)]
    return "\n\n".join(f"_{line}_" for line in lines if line)
