"""Options of one call: fields of the request's body, headers, and the call's own timeout."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypedDict

from mmhie._config import check_seconds
from mmhie._errors import RequestError


class CareOptions(TypedDict, total=False):
    """The person who asks, the patient, the purpose, and the longest time of a call.

    `user`, `patient` and `purpose` need a key with the scope `on_behalf`; only the audit trail
    records them. `purpose` is a code of HL7's PurposeOfUse, such as "TREAT".
    """

    user: str
    patient: str
    purpose: str
    timeout: float  # seconds, instead of MMHIE_TIMEOUT_SECONDS


class SamplingOptions(CareOptions, total=False):
    """Options that `chat` takes beyond the original signature."""

    priority: Literal["emergency", "routine", "batch"]
    request_id: str
    top_p: float
    seed: int
    stop: str | Sequence[str]
    reasoning_effort: Literal["low", "medium", "high"]
    include_reasoning: bool


class GenerateOptions(SamplingOptions, total=False):
    """Options that `generate` and `stream` take beyond the original signature."""

    system: str
    history: Sequence[Mapping[str, str]]  # earlier turns, oldest first: {"role", "content"}


HEADERS = {
    "user": "x-mmhie-user",
    "patient": "x-mmhie-patient",
    "purpose": "x-mmhie-purpose",
    "priority": "x-mmhie-priority",
    "request_id": "x-request-id",
}
REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
UNKNOWN = "There is no option {name!r}{near}; for other fields of /v1 use the openai package."
NO_HEADER = "{name} must be 1 to 255 printable characters."
NO_ID = "request_id must be 1 to 128 letters, digits and any of . _ : -"


@dataclass(frozen=True, slots=True)
class Options:
    """Checked options; they may name a patient and are not in repr."""

    body: Mapping[str, object] = field(default_factory=dict, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    timeout_seconds: float | None = None


def read_options(given: Mapping[str, Any], kind: type[CareOptions]) -> Options:
    """Sort the options of a call; None is an option that is not given.

    Raises TypeError for an unknown name, RequestError and ConfigError for an invalid value.
    """
    for name in set(given) - kind.__annotations__.keys():
        raise TypeError(_unknown(name, kind))
    options = {name: value for name, value in given.items() if value is not None}
    timeout = options.pop("timeout", None)
    if timeout is not None:
        check_seconds("timeout", timeout)
    sent = HEADERS.keys() & options.keys()
    headers = {HEADERS[name]: _header(name, options.pop(name)) for name in sent}
    return Options(options, headers, timeout)


def _unknown(name: str, kind: type[CareOptions]) -> str:
    from difflib import get_close_matches  # lazily: for this error only

    known = [*kind.__annotations__, "max_tokens", "temperature"]
    near = get_close_matches(name, known, 1)
    return UNKNOWN.format(name=name, near=f", did you mean {near[0]!r}?" if near else "")


def _header(name: str, value: object) -> str:
    """Return the value of a header, which the gateway would refuse, or an id it would replace."""
    if name == "request_id":
        if not isinstance(value, str) or not REQUEST_ID.fullmatch(value):
            raise RequestError(NO_ID, code="invalid_request", param=name)
    elif not (isinstance(value, str) and value.isprintable() and 0 < len(value.strip()) < 256):
        raise RequestError(NO_HEADER.format(name=name), code="invalid_request", param=name)
    return value
