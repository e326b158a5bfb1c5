"""Feedback as it is sent and as it is stored, and the answer that it refers to."""

from base64 import b64decode
from dataclasses import dataclass
from typing import Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

from gateway.errors import InvalidField
from gateway.record import rfc3339
from gateway.runtime.json_types import Json

Category = Literal[
    "incorrect",
    "unsafe",
    "omission",
    "fabricated",
    "missed_notice",
    "false_notice",
    "privacy",
    "other",
    "signed_off",
]
Severity = Literal["low", "moderate", "high"]
Outcome = Literal["confirmed", "unfounded", "duplicate", "resolved"]
CATEGORIES: tuple[Category, ...] = get_args(Category)
SEVERITIES: tuple[Severity, ...] = get_args(Severity)
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
SIGN_OFF: Category = "signed_off"
LONGEST_COMMENT = 4_000  # characters
LONGEST_CORRECTION = 20_000


class Submission(BaseModel):
    """The body of POST /v1/mmhie/feedback; an unknown field is an error."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        hide_input_in_errors=True,
        json_schema_extra={
            "if": {"properties": {"category": {"const": SIGN_OFF}}},
            "then": {"properties": {"severity": {"type": "null"}}},
            "else": {"required": ["severity"], "properties": {"severity": {"type": "string"}}},
        },
    )

    request_id: str = Field(
        pattern=r"^[A-Za-z0-9._:-]{1,128}$",
        description="The answer's `request_id`, or its X-Request-Id header.",
    )
    category: Category = Field(
        description="What is wrong with the answer; `signed_off`: a clinician has reviewed it and "
        "stands by it."
    )
    severity: Severity | None = Field(
        None, description="Harm that the answer could do; required except with `signed_off`."
    )
    comment: str | None = Field(
        None,
        min_length=1,
        max_length=LONGEST_COMMENT,
        description="Stored sealed, or refused where MMHIE_VAULT_PUBLIC_KEY is not set.",
    )
    corrected_text: str | None = Field(
        None,
        min_length=1,
        max_length=LONGEST_CORRECTION,
        description="The answer as it should have been; stored as the comment is.",
    )

    @model_validator(mode="after")
    def check_severity(self) -> Self:
        """Raise InvalidField if `severity` is missing, or sent with `signed_off`."""
        if (self.severity is None) != (self.category == SIGN_OFF):
            raise InvalidField(
                "severity is low, moderate or high, and is left out with `signed_off`.",
                param="severity",
            )
        return self

    @property
    def texts(self) -> dict[str, str]:
        texts = {"comment": self.comment, "corrected_text": self.corrected_text}
        return {field: text for field, text in texts.items() if text is not None}


@dataclass(frozen=True, slots=True)
class RecentAnswer:
    """An answer that may get feedback."""

    request_id: str
    caller_request_id: str | None
    client: str
    ended: float  # unix seconds
    facts: Json

    def fits(self, request_id: str, client: str | None, since: float) -> bool:
        """Return whether it has this id, went to this client (None: any), and is recent."""
        is_named = request_id in (self.request_id, self.caller_request_id)
        return is_named and client in (None, self.client) and self.ended >= since


@dataclass(frozen=True, slots=True)
class Entry:
    """Stored feedback; times are unix seconds. `reviewer` is the verified person of a sign-off,
    `sealed` has the texts in Base64, by field."""

    id: str
    created: float
    client: str
    category: str
    severity: str | None
    answer: RecentAnswer
    fingerprint: str
    reviewer: str | None = None
    sealed: dict[str, str] | None = None
    closed: float | None = None
    closed_by: str | None = None
    outcome: str | None = None

    @classmethod
    def parse(cls, content: Json) -> Self:
        """Return the entry that orjson has written as `content`."""
        return cls(**content | {"answer": RecentAnswer(**content["answer"])})

    def sealed_texts(self) -> dict[str, bytes]:
        return {field: b64decode(text) for field, text in (self.sealed or {}).items()}

    def document(self) -> Json:
        """Return the entry as JSON, with times as RFC 3339 and without unknown fields."""
        answer = self.answer
        fields = {
            "id": self.id,
            "created": rfc3339(self.created),
            "client": self.client,
            "category": self.category,
            "severity": self.severity,
            "reviewer": self.reviewer,
            "request_id": answer.request_id,
            "caller_request_id": answer.caller_request_id,
            "answered": rfc3339(answer.ended),
            "asked_by": answer.client,
            **answer.facts,
            "has_text": bool(self.sealed),
            "state": "open" if self.closed is None else "closed",
            "closed": None if self.closed is None else rfc3339(self.closed),
            "closed_by": self.closed_by,
            "outcome": self.outcome,
        }
        return {name: value for name, value in fields.items() if value is not None}


def text_name(feedback_id: str, field: str) -> str:
    """Return the name under which a text is sealed, so that texts cannot be exchanged."""
    return f"{feedback_id} {field}"
