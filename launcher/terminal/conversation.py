"""A conversation with the model: its turns, and the next request."""

from dataclasses import dataclass, field
from uuid import uuid4

from launcher.json_types import Json, JsonView
from launcher.terminal.api_client import ApiClient, ServiceError, format_request
from launcher.terminal.terminal import TextOutput, write_closing

OLD_REASONING = "reasoning_content"  # of older engines
STOPPED = "You stopped this answer: it is not complete."


@dataclass(slots=True)
class ChatReply:
    """An answer as far as it came, with its `mmhie` metadata."""

    # Sent with the question, so that an answer stopped before its first word can be found.
    request_id: str = field(default_factory=lambda: uuid4().hex)
    text: str = ""
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
    """A system message, and the questions with complete answers so far; options of a request."""

    service: ApiClient
    system: str
    options: JsonView
    shows_reasoning: bool = False
    turns: list[dict[str, str]] = field(default_factory=list)

    def request(self, text: str) -> Json:
        """Return the request body of the next question."""
        first = [make_message("system", self.system)] if self.system else []
        messages = [*first, *self.turns, make_message("user", text)]
        return {"messages": messages, "temperature": 0, **self.options}

    def ask(self, text: str, output: TextOutput) -> ChatReply:
        """Ask a question, and show the answer as it comes; Ctrl-C stops it. Raises ServiceError."""
        reply = ChatReply()
        try:
            with self.service.answer(self.request(text), reply.request_id) as chunks:
                for chunk in chunks:
                    self._take(chunk, reply, output)
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
            self.turns += [make_message("user", text), make_message("assistant", reply.text)]
        return reply

    def _take(self, chunk: JsonView, reply: ChatReply, output: TextOutput) -> None:
        """Add a chunk to the reply, then show it: Ctrl-C may come at every write."""
        choice: JsonView = next(iter(chunk.get("choices") or ()), {})
        delta: JsonView = choice.get("delta") or {}
        text, thought = delta.get("content"), delta.get("reasoning") or delta.get(OLD_REASONING)
        known = len(reply.mmhie.get("notices") or ())
        if chunk.get("mmhie"):
            reply.merge(chunk["mmhie"])
        reply.text += text or ""
        if late := (reply.mmhie.get("notices") or ())[known:]:
            output.notices(late)
        if thought and self.shows_reasoning:
            output.reasoning(thought)
        if text:
            output.text(text)


def make_message(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}
