"""A conversation with the model: its turns, the next request, and the transcript."""

from dataclasses import dataclass, field
from uuid import uuid4

from launcher.json_types import Json, JsonView
from launcher.terminal.api_client import ApiClient, ChatDelta, ServiceError, format_request
from launcher.terminal.terminal import TextOutput, list_warnings, remove_controls, write_closing

STOPPED = "You stopped this answer: it is not complete."


@dataclass(slots=True)
class ChatReply:
    """An answer as far as it came, with its `mmhie` metadata."""

    # Sent with the question, so that an answer stopped before its first word can be found.
    request_id: str = field(default_factory=lambda: uuid4().hex)
    text: str = ""
    reasoning: str = ""
    finish_reason: str | None = None
    stopped: bool = False
    mmhie: Json = field(default_factory=dict)

    def merge(self, mmhie: JsonView) -> None:
        """Join the metadata of the first event with that of the last."""
        nested = {
            name: {**self.mmhie.get(name, {}), **mmhie.get(name, {})}
            for name in ("provenance", "disclaimer")
        }
        self.mmhie = {**self.mmhie, **mmhie, **nested}


@dataclass(slots=True)
class Conversation:
    """A system message, and the questions with complete answers so far."""

    service: ApiClient
    system: str = ""
    effort: str | None = None
    max_tokens: int | None = None
    shows_reasoning: bool = False
    exchanges: list[tuple[str, ChatReply]] = field(default_factory=list)

    def request(self, text: str) -> Json:
        """Return the request body of the next question."""
        messages = [make_message("system", self.system)] if self.system else []
        for question, reply in self.exchanges:
            messages += [make_message("user", question), make_message("assistant", reply.text)]
        options = {"max_tokens": self.max_tokens, "reasoning_effort": self.effort}
        return {
            "messages": [*messages, make_message("user", text)],
            "temperature": 0,
            **{name: value for name, value in options.items() if value is not None},
        }

    def ask(self, text: str, output: TextOutput) -> ChatReply:
        """Ask a question, and show the answer as it comes; Ctrl-C stops it. Raises ServiceError."""
        reply = ChatReply()
        try:
            with self.service.answer(self.request(text), reply.request_id) as deltas:
                for delta in deltas:
                    self._take(delta, reply, output)
        except KeyboardInterrupt:
            reply.stopped = True
        except ServiceError as error:
            if error.notices and not reply.mmhie:
                output.notices(error.notices)
            raise
        finally:
            output.end()
        if reply.stopped:
            output.warning(f"{STOPPED}{format_request(reply.request_id)}")
        write_closing(output, reply.mmhie)
        if reply.text and not reply.stopped:
            self.exchanges.append((text, reply))
        return reply

    def _take(self, delta: ChatDelta, reply: ChatReply, output: TextOutput) -> None:
        """Add a delta to the reply, then show it: Ctrl-C may come at every write."""
        known = len(reply.mmhie.get("notices") or ())
        if delta.mmhie:
            reply.merge(delta.mmhie)
        reply.text += delta.text
        reply.reasoning += delta.reasoning
        reply.finish_reason = delta.finish_reason or reply.finish_reason
        if late := (reply.mmhie.get("notices") or ())[known:]:
            output.notices(late)
        if delta.reasoning and self.shows_reasoning:
            output.reasoning(delta.reasoning)
        if delta.text:
            output.text(delta.text)

    def forget(self) -> None:
        """Start anew; the system message stays."""
        self.exchanges.clear()

    def transcript(self) -> str:
        """Return the conversation as Markdown, each answer with its labels."""
        parts = [f"System: {self.system}"] if self.system else []
        for question, reply in self.exchanges:
            parts.append(f"## Question\n\n{question}")
            parts.append(f"## Answer (AI-generated)\n\n{reply.text}\n\n{format_labels(reply)}")
        return remove_controls("\n\n".join(parts)) + "\n"


def make_message(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


def format_labels(reply: ChatReply) -> str:
    """Return an answer's notices, warnings, disclaimer, emergency note and provenance."""
    mmhie, origin = reply.mmhie, reply.mmhie.get("provenance", {})
    facts = [origin.get(name) for name in ("model", "time", "request_id")]
    lines = [notice["message"] for notice in mmhie.get("notices") or ()]
    lines += list_warnings(mmhie)
    lines += [(mmhie.get("disclaimer") or {}).get("text"), mmhie.get("emergency_note")]
    lines += [", ".join(str(fact) for fact in facts if fact)]
    return "\n\n".join(f"_{line}_" for line in lines if line)
