"""The labels of every model output, as far as they are known before it."""

import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from gateway.json_types import Json
from gateway.safety import provenance
from gateway.safety.disclaimer import Disclaimer
from gateway.timestamps import rfc3339


class RequestFacts(NamedTuple):
    """The facts of a request that its label states; no text."""

    reasoning_effort: str | None
    sampling: Mapping[str, int | float]
    prompt_digest: str


@dataclass(frozen=True, slots=True)
class Labels:
    """Makes the labels of one gateway; `key` is the key of the digests."""

    disclaimer: Disclaimer
    emergency_note: str
    key: bytes

    @classmethod
    def of(cls, disclaimer: Disclaimer, emergency_note: str, key: str | None = None) -> "Labels":
        """Return the labels; without a key, digests compare within one run only."""
        return cls(disclaimer, emergency_note, key.encode() if key else secrets.token_bytes(32))

    def facts_of(self, request: Json, prompt: bytes) -> RequestFacts:
        """Return the facts of a request; of `prompt`, all that goes in, they hold a digest."""
        digest = provenance.keyed_digest(self.key, prompt)
        return RequestFacts(effort_in(request), provenance.sampling(request), digest)

    def initial(
        self,
        serving: provenance.Serving,
        facts: RequestFacts,
        *,
        request_id: str,
        notice_rules: str | None,
        notices: Sequence[Mapping[str, str]] = (),
    ) -> Json:
        """Return the label as it is known before the first token."""
        call = provenance.Call(request_id, rfc3339(time.time()), *facts, notice_rules)
        return provenance.static(self.disclaimer, self.emergency_note, serving, call, notices)


def effort_in(request: Json) -> str | None:
    """Return the reasoning effort that a request names; /v1/messages has it one level down."""
    config = request.get("output_config")
    nested = config.get("effort") if isinstance(config, dict) else None
    effort: str | None = request.get("reasoning_effort") or nested
    return effort
