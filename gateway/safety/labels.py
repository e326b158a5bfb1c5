"""The labels of every model output: disclaimer, provenance, notices, warnings."""

import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version

from gateway.json_types import Json
from gateway.safety import provenance
from gateway.safety.disclaimer import Disclaimer
from gateway.safety.red_flags.notices import notices, red_flags
from gateway.timestamps import rfc3339

TURNS = 3
GATEWAY_VERSION = version("mmhie-server")


@dataclass(frozen=True, slots=True)
class Labels:
    """Makes the labels of one gateway; `key` is the key of the digests."""

    disclaimer: Disclaimer
    key: bytes
    emergency_contact: str
    languages: Sequence[str] = ("en",)

    @classmethod
    def of(
        cls,
        disclaimer: Disclaimer,
        *,
        key: str | None,
        emergency_contact: str,
        languages: Sequence[str] = ("en",),
    ) -> "Labels":
        """Return the labels; without a key, digests compare within one run only."""
        red_flags(tuple(languages))  # 27 ms per language: now, not in the first request
        secret = key.encode() if key else secrets.token_bytes(32)
        return cls(disclaimer, secret, emergency_contact, languages)

    def initial(
        self,
        serving: provenance.Serving,
        request: Json,
        *,
        request_id: str,
        prompt: str | bytes,
        question: str,
    ) -> Json:
        """Return the labels before the first token; `prompt` is digested, `question` screened."""
        call = provenance.Call(
            request_id=request_id,
            time=rfc3339(time.time()),
            prompt_digest=provenance.keyed_digest(self.key, prompt),
            reasoning_effort=request.get("reasoning_effort"),
            sampling=provenance.sampling(request),
        )
        found = notices(question, contact=self.emergency_contact, languages=self.languages)
        return provenance.static(self.disclaimer, serving, call, found)


def user_text(body: Json) -> str:
    """Return the user's text in an OpenAI request: the prompt, or the last few user turns.

    A follow-up ("could it still be meningitis?") refers to the turns before it.
    """
    for name in ("messages", "input"):
        turns = body.get(name)
        if isinstance(turns, list):
            own = [turn for turn in turns if isinstance(turn, dict) and turn.get("role") == "user"]
            return "\n".join(content_text(turn.get("content")) for turn in own[-TURNS:])
    return content_text(body.get("input") or body.get("prompt"))


def content_text(content: object) -> str:
    """Return the text in a message's content: a string, or a list of strings and text parts."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    parts = (part.get("text") if isinstance(part, dict) else part for part in content)
    return "\n".join(part for part in parts if isinstance(part, str))
