"""The labels of every model output: disclaimer, provenance, notices."""

import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import NamedTuple

from gateway.json_types import Json
from gateway.safety import provenance
from gateway.safety.disclaimer import Disclaimer
from gateway.safety.languages import HEAD, LANGUAGES, LETTERS, VOTES, Language
from gateway.safety.red_flags import screening
from gateway.safety.red_flags.classifier.language import known_words
from gateway.safety.red_flags.classifier.model import model
from gateway.safety.red_flags.notices import notice, red_flags, rules_version
from gateway.safety.wording import Audience, Wording, wording
from gateway.timestamps import rfc3339

GATEWAY_VERSION = version("mmhie-server")


class Screening(NamedTuple):
    """Notices for a prompt, and the ids of red flags that a later turn has resolved."""

    notices: Sequence[Mapping[str, str]]
    resolved: Sequence[str]


@dataclass(frozen=True, slots=True)
class Labels:
    """Makes the labels of one gateway; `key` is the key of the digests."""

    disclaimer: Disclaimer
    key: bytes
    wording: Wording
    audience: Audience
    emergency_contact: str
    policy: screening.Policy
    notice_rules: str | None  # their version; None: nothing is screened

    @classmethod
    def of(
        cls,
        disclaimer: Disclaimer,
        *,
        key: str | None = None,
        words: Wording | None = None,
        audience: Audience = "clinician",
        emergency_contact: str | None = None,
        policy: screening.Policy = screening.DEFAULT,
    ) -> "Labels":
        """Return the labels; without a key, digests compare within one run only."""
        secret = key.encode() if key else secrets.token_bytes(32)
        words = words or wording(disclaimer.language)
        contact = emergency_contact or words.contact
        rules = None
        if audience != "off":
            red_flags(policy.languages)  # 25 ms per language: now, not in the first request
            model()  # 40 ms
            known_words()
            rules = rules_version(words, audience, [str(policy), contact])
        return cls(disclaimer, secret, words, audience, contact, policy, rules)

    def warm_up(self) -> None:
        """Compile the signs of the rules, where anybody is to read notices."""
        if self.audience != "off":
            red_flags(self.policy.languages).compile_signs()

    def screen(self, turns: Sequence[str]) -> Screening:
        """Return the notices for the turns of a conversation, which need no answer; none where
        nobody is to read them."""
        if self.audience == "off":
            return Screening((), ())
        found = screening.raised(turns, self.policy)
        notices = [self._notice(one) for one in found.in_messages]
        notices += [self._notice(one, of_document=True) for one in found.in_documents]
        return Screening(notices, found.resolved)

    def _notice(self, name: str, *, of_document: bool = False) -> Mapping[str, str]:
        words, contact = self.wording, self.emergency_contact
        return notice(name, words, self.audience, contact, of_document=of_document)

    def initial(
        self,
        serving: provenance.Serving,
        request: Json,
        *,
        request_id: str,
        prompt: bytes,
        notices: Sequence[Mapping[str, str]] = (),
    ) -> Json:
        """Return the labels before the first token; of `prompt` they hold a digest."""
        call = provenance.Call(
            request_id=request_id,
            time=rfc3339(time.time()),
            prompt_digest=provenance.keyed_digest(self.key, prompt),
            reasoning_effort=effort_in(request),
            sampling=provenance.sampling(request),
            notice_rules=self.notice_rules,
        )
        return provenance.static(self.disclaimer, serving, call, notices)


def effort_in(request: Json) -> str | None:
    """Return the reasoning effort that a request names; /v1/messages has it one level down."""
    config = request.get("output_config")
    nested = config.get("effort") if isinstance(config, dict) else None
    effort: str | None = request.get("reasoning_effort") or nested
    return effort


def language_of(turns: Sequence[str]) -> Language | None:
    """Return the language of the last turn's beginning: `other` where its words do not tell, None
    where there is no text."""
    if not turns:
        return None
    words = LETTERS.findall(turns[-1][:HEAD].lower())
    votes = "".join([VOTES[word] for word in words if word in VOTES])
    counts = [votes.count(str(at)) for at in range(len(LANGUAGES))]
    most = max(counts)
    return LANGUAGES[counts.index(most)] if counts.count(most) == 1 else "other"
