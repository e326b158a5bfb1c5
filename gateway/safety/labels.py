"""The labels of every model output: disclaimer, provenance, notices; and the text that notices
are looked for in."""

import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import NamedTuple, TypeGuard

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

TURNS = 3  # of the user: "could it still be meningitis?" refers to the turns before it
SETTING = ("system", "developer")
TOLD = ("user", "tool", "function")
OUTPUTS = ("function_call_output", "custom_tool_call_output")
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


def screened(body: Json) -> Sequence[str]:
    """Return the turns of a request of any path, oldest first: instructions and system messages,
    then the prompt, or the last turns of the user with the tool results among them."""
    setting = [content_text(body.get(name)) for name in ("instructions", "system")]
    items = conversation(body)
    if items is not None:
        setting += [content_text(item.get("content")) for item in items if is_setting(item)]
        return present(setting + [told(item) for item in recent(items)])
    return present([*setting, content_text(body.get("input") or body.get("prompt"))])


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


def conversation(body: Json) -> Sequence[object] | None:
    """Return the items of a conversation, if the request has one; the last item of one in
    `history` is the prompt."""
    for name in ("messages", "input"):
        if is_turns(items := body.get(name)):
            return items
    if is_turns(earlier := body.get("history")):
        return [*earlier, {"role": "user", "content": body.get("prompt")}]
    return None


def is_turns(value: object) -> TypeGuard[list[object]]:
    """Return whether this is a conversation, or a list of a conversation's items."""
    return isinstance(value, list) and any(isinstance(item, dict) for item in value)


def is_setting(item: object) -> TypeGuard[Json]:
    return isinstance(item, dict) and item.get("role") in SETTING


def recent(items: Sequence[object]) -> Sequence[Json]:
    """Return the items from the user's third last turn on."""
    objects = [item for item in items if isinstance(item, dict)]
    asked = [at for at, item in enumerate(objects) if item.get("role") == "user"]
    return objects[asked[-TURNS] if len(asked) > TURNS else 0 :]


def told(item: Json) -> str:
    """Return the text of an item that tells of the patient; nothing of the model's own words."""
    if item.get("role") in TOLD:
        return content_text(item.get("content"))
    return content_text(item.get("output")) if item.get("type") in OUTPUTS else ""


def present(texts: Sequence[str]) -> Sequence[str]:
    return [text for text in texts if text]


def has_token_ids(body: Json) -> bool:
    """Return whether a prompt, or one of several, is a list of numbers, which nobody here reads."""
    prompt = body.get("prompt")
    prompts = [prompt, *prompt] if isinstance(prompt, list) else []
    return any(isinstance(one, list) and bool(one) and isinstance(one[0], int) for one in prompts)


def content_text(content: object) -> str:
    """Return the text in a message's content: a string, or a list of strings and text parts."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    return "\n".join(text for part in content if (text := part_text(part)))


def part_text(part: object) -> str:
    """Return the text of a part; of a tool's result in Anthropic's API, that of its content."""
    if not isinstance(part, dict):
        return part if isinstance(part, str) else ""
    if part.get("type") == "tool_result":
        inner = part.get("content")
        parts = inner if isinstance(inner, list) else [inner]
        texts = [one.get("text") if isinstance(one, dict) else one for one in parts]
    else:
        texts = [part.get("text")]
    return "\n".join(text for text in texts if isinstance(text, str))
