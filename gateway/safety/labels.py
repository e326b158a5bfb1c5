"""The label of an answer, the `mmhie` object: one half is known before the answer, the other at its
end."""

import hashlib
import hmac
import secrets
import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

from gateway.record import rfc3339
from gateway.runtime.json_types import Json
from gateway.safety.disclaimer import Disclaimer
from gateway.settings.gateway import GatewaySettings

if TYPE_CHECKING:
    from gateway.safety.signatures import LabelSigner, SigningKey

GATEWAY_VERSION = version("mmhie-server")
# HL7 v3 ObservationValue: "Artificial Intelligence asserted" (HL7 AI Transparency on FHIR).
AI_LABEL = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "AIAST"}
# Sampling parameters of OpenAI and vLLM, without `stop`, which may be patient text.
SAMPLING = (
    "temperature",
    "top_p",
    "top_k",
    "min_p",
    "seed",
    "n",
    "max_tokens",
    "max_completion_tokens",
    "max_output_tokens",
    "presence_penalty",
    "frequency_penalty",
    "repetition_penalty",
)
OTHER_MODEL = "other_model"  # a warning
Truncation = Literal["in_reasoning", "in_answer", "input"]
Anomaly = Literal["reasoning_only", "empty_answer"]

CUT_REASONS = ("length", "max_output_tokens")
# Finish reasons of a complete answer in all three APIs. Others of vLLM are abort, error and
# repetition; a router may send content_filter.
WHOLE_REASONS = ("stop", "tool_calls", "function_call", "completed")


class Serving(NamedTuple):
    """The served model and engine; it changes only with the engine."""

    gateway_version: str
    engine: str
    engine_version: str | None
    model: str
    revision: str | None = None
    base: str | None = None
    base_revision: str | None = None
    adapter: str | None = None
    adapter_digest: str | None = None
    quantization: str | None = None
    pinned_date: str | None = None  # replaces the current date in the prompt
    display_name: str | None = None


class RequestFacts(NamedTuple):
    """Facts about a request for its label, without its text."""

    reasoning_effort: str | None
    sampling: Mapping[str, int | float]
    prompt_digest: str


@dataclass(frozen=True, slots=True)
class Labels:
    """Makes the labels of one gateway; `key` is the key of the digests."""

    disclaimer: Disclaimer
    emergency_note: str
    key: bytes
    signing: "SigningKey | None" = None

    @classmethod
    def of(
        cls,
        disclaimer: Disclaimer,
        emergency_note: str,
        key: str | None = None,
        signing: "SigningKey | None" = None,
    ) -> "Labels":
        """Return the labels; without a key, digests can be compared within one run only."""
        digest_key = key.encode() if key else secrets.token_bytes(32)
        return cls(disclaimer, emergency_note, digest_key, signing)

    def signer(self, label: Json) -> "LabelSigner | None":
        """Return what signs the closing labels of an answer, None without a key."""
        if self.signing is None:
            return None
        from gateway.safety.signatures import LabelSigner

        return LabelSigner(self.signing, label)

    def collect_facts(self, request: Json, prompt: bytes) -> RequestFacts:
        """Return the facts of a request, with a digest of the whole `prompt`."""
        digest = keyed_digest(self.key, prompt)
        return RequestFacts(effort_in(request), sampling(request), digest)

    def initial(
        self, serving: Serving, facts: RequestFacts, *, request_id: str, notice_rules: str | None
    ) -> Json:
        """Return the first half of the label. The screening adds the notices; `notice_rules` is the
        version of its rules."""
        return {
            "disclaimer": self.disclaimer.as_dict,
            "emergency_note": self.emergency_note,
            "ai_generated": True,
            "ai_label": AI_LABEL,
            "provenance": {
                **_serving_fields(serving),
                "request_id": request_id,
                "time": rfc3339(time.time()),
                **facts._asdict(),
                "notice_rules": notice_rules,
            },
            "notices": [],
        }


def signing_key_of(settings: GatewaySettings) -> "SigningKey | None":
    """Return the key that signs labels and checkpoints, None where none is set; raise
    SettingsError."""
    if settings.signing_key_file is None:
        return None
    from gateway.safety.signatures import SigningKey  # 30 ms

    return SigningKey.read(settings.signing_key_file)


@lru_cache(maxsize=8)
def _serving_fields(serving: Serving) -> Json:
    return serving._asdict()


class Ending(NamedTuple):
    """The end of one choice of an answer.

    Only the presence of `content` and `reasoning` matters, not their text. `content` is None if the
    engine never began the answer.
    """

    finish_reason: str | None
    content: str | None
    reasoning: str | None = None
    has_tool_calls: bool = False

    @property
    def truncation(self) -> Truncation | None:
        """The part in which a token limit cut the answer."""
        if self.finish_reason not in CUT_REASONS:
            return None
        if self.content or (self.content is not None and not self.reasoning):
            return "in_answer"
        return "in_reasoning"

    @property
    def is_early(self) -> bool:
        """True if the engine stopped for a reason other than the token limit or the end."""
        reason = self.finish_reason
        return reason is not None and reason not in (*CUT_REASONS, *WHOLE_REASONS)

    @property
    def anomaly(self) -> Anomaly | None:
        """The reason why there is no answer; None if there is one."""
        if self.has_tool_calls or (self.content and self.content.strip()):
            return None
        return "reasoning_only" if self.reasoning else "empty_answer"

    def warnings(self) -> list[str]:
        warnings: list[str] = []
        if anomaly := self.anomaly:
            warnings.append(anomaly)
        if self.is_early:
            warnings.append("ended_early")
        return warnings

    def label(
        self,
        known: Iterable[str],
        *,
        digest: str,
        fingerprint: str | None,
        was_input_cut: bool = False,
    ) -> Json:
        """Return the closing half of the label. The `known` warnings come first."""
        return {
            "provenance": {"system_fingerprint": fingerprint, "output_digest": digest},
            "truncated": self.truncation or ("input" if was_input_cut else None),
            "warnings": [*known, *self.warnings()],
        }


def merge(first: Json, last: Json) -> Json:
    warnings = [*first.get("warnings", ()), *last["warnings"]]
    known = {**first["provenance"], **last["provenance"]}
    return {**first, **last, "warnings": warnings, "provenance": known}


def not_generated(first: Json) -> Json:
    """Return the first half for an answer that no model wrote, such as the caller's own prompt."""
    return {**first, "ai_generated": False, "ai_label": None}


def repeatable(first: Json) -> Json:
    """Return the part of the first half for the last chunk, for clients that read only that.

    It has no text of the disclaimer.
    """
    named = {name: value for name, value in first["disclaimer"].items() if name != "text"}
    return {
        "disclaimer": named,
        "notices": first["notices"],
        "warnings": first.get("warnings", []),
        "provenance": {},
    }


def is_another_model(name: object, served: Collection[str]) -> bool:
    """Return whether an answer names a model that is not served, which the provenance does not
    describe. An answer without a model's name is fine."""
    return bool(name and served) and name not in served


def effort_in(request: Json) -> str | None:
    """Return the reasoning effort of a request; /v1/messages has it in `output_config`."""
    config = request.get("output_config")
    nested = config.get("effort") if isinstance(config, dict) else None
    effort: str | None = request.get("reasoning_effort") or nested
    return effort


def sampling(body: Mapping[str, object]) -> dict[str, int | float]:
    """Return the sampling parameters of a request: numbers only, no text."""
    return {
        name: value
        for name in SAMPLING
        if name in body
        and isinstance(value := body[name], int | float)
        and not isinstance(value, bool)
    }


class Digest(Protocol):
    """A digest of a text that arrives in parts: an HMAC, or one that also stores the text."""

    def update(self, text: bytes, /) -> None: ...
    def hexdigest(self) -> str: ...


class Listener(Protocol):
    """Stores the texts of digests."""

    def listen(self, mac: Digest, /) -> Digest: ...


def keyed_digest(key: bytes, text: str | bytes, listener: Listener | None = None) -> str:
    """Return the HMAC-SHA256 of a text; the text of a plain hash could be guessed."""
    mac = new_digest(key, listener)
    mac.update(text.encode(errors="surrogatepass") if isinstance(text, str) else text)
    return format_digest(mac)


def new_digest(key: bytes, listener: Listener | None = None) -> Digest:
    """Return a digest for a text that arrives in parts; a listener stores the text, too."""
    mac = _keyed(key).copy()
    return mac if listener is None else listener.listen(mac)


@lru_cache(maxsize=8)
def _keyed(key: bytes) -> hmac.HMAC:
    """Return a MAC with this key, to be copied; making a new one is slower."""
    return hmac.new(key, digestmod=hashlib.sha256)


def plain_digest(text: str) -> str:
    """Return the SHA-256 of a text, for those who have no key."""
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


class DoubleDigest:
    """A keyed digest and a plain one of the same text, for those who have no key."""

    __slots__ = ("_keyed", "_plain")

    def __init__(self, keyed: Digest) -> None:
        self._keyed = keyed
        self._plain = hashlib.sha256()

    def update(self, text: bytes) -> None:
        self._keyed.update(text)
        self._plain.update(text)

    def hexdigest(self) -> str:
        return self._keyed.hexdigest()

    def plain(self) -> str:
        return self._plain.hexdigest()


def format_digest(mac: Digest) -> str:
    return f"hmac-sha256:{mac.hexdigest()}"
