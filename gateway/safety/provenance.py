"""The provenance of an answer: the `mmhie` object."""

import hashlib
import hmac
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from importlib.metadata import version
from typing import NamedTuple, Protocol

from gateway.runtime.json_types import Json
from gateway.safety.disclaimer import Disclaimer

GATEWAY_VERSION = version("mmhie-server")
# HL7 v3 ObservationValue: "Artificial Intelligence asserted" (HL7 AI Transparency on FHIR).
AI_LABEL = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "AIAST"}
READER = "notice_reader"  # only where the second reader was asked
# Sampling parameters of OpenAI and vLLM. `stop` is left out: it may be patient text.
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
    pinned_date: str | None = None  # in the prompt instead of today's
    display_name: str | None = None


class Call(NamedTuple):
    """The facts of a request before its answer; `time` is RFC 3339 in UTC."""

    request_id: str
    time: str
    reasoning_effort: str | None
    sampling: Mapping[str, int | float]
    prompt_digest: str
    notice_rules: str | None = None  # version of the rules the prompt was screened with


def static(
    disclaimer: Disclaimer,
    emergency_note: str,
    serving: Serving,
    call: Call,
    notices: Sequence[Mapping[str, str]] = (),
) -> Json:
    """Return the part known before the first token, sent with the first chunk."""
    return {
        "disclaimer": disclaimer.as_dict,
        "emergency_note": emergency_note,
        "ai_generated": True,
        "ai_label": AI_LABEL,
        "provenance": {**_serving_fields(serving), **call._asdict()},
        "notices": list(notices),
    }


def repeatable(first: Json) -> Json:
    """Return what the last chunk repeats of the static part, for clients that keep only that.

    The disclaimer comes without its text, which a stream has once.
    """
    named = {name: value for name, value in first["disclaimer"].items() if name != "text"}
    warnings = first.get("warnings", [])
    # The second reader may have answered since the first chunk.
    reader = {name: value for name, value in first["provenance"].items() if name == READER}
    return {
        "disclaimer": named,
        "notices": first["notices"],
        "warnings": warnings,
        "provenance": reader,
    }


def merge(first: Json, last: Json) -> Json:
    """Merge both parts into one object."""
    warnings = [*first.get("warnings", ()), *last["warnings"]]
    known = {**first["provenance"], **last["provenance"]}
    return {**first, **last, "warnings": warnings, "provenance": known}


def is_another_model(name: object, served: Collection[str]) -> bool:
    """Return whether an answer names a model that is not served: what is said of ours is not true
    of it then. An engine may name none."""
    return bool(name and served) and name not in served


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
    """A digest of a text that arrives in parts: an HMAC, or one that keeps the text too."""

    def update(self, text: bytes, /) -> None: ...
    def hexdigest(self) -> str: ...


class Listener(Protocol):
    """Keeps the texts of digests."""

    def listen(self, mac: Digest, /) -> Digest: ...


def keyed_digest(key: bytes, text: str | bytes, listener: Listener | None = None) -> str:
    """Return the HMAC-SHA256 of a text; a plain hash of a short prompt could be guessed."""
    mac = new_digest(key, listener)
    mac.update(text.encode(errors="surrogatepass") if isinstance(text, str) else text)
    return format_digest(mac)


def new_digest(key: bytes, listener: Listener | None = None) -> Digest:
    """Return a digest for an answer that arrives in parts; `format_digest` finishes it. Where
    somebody listens, it keeps the text too."""
    mac = _keyed(key).copy()
    return mac if listener is None else listener.listen(mac)


@lru_cache(maxsize=8)
def _keyed(key: bytes) -> hmac.HMAC:
    """Return a MAC with its key set, which costs more than a copy."""
    return hmac.new(key, digestmod=hashlib.sha256)


def format_digest(mac: Digest) -> str:
    """Format a finished digest for provenance and audit."""
    return f"hmac-sha256:{mac.hexdigest()}"


@lru_cache(maxsize=8)
def _serving_fields(serving: Serving) -> Json:
    return serving._asdict()
