"""Feedback as it is sent and as it is stored, and the answer that it refers to."""

from dataclasses import dataclass
from typing import Literal, get_args

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
TEXTS = ("comment", "corrected_text")
SealedTexts = tuple[bytes | None, bytes | None]  # in this order


@dataclass(frozen=True, slots=True)
class RecentAnswer:
    """An answer that may get feedback. `others` counts further answers to this client with the same
    request id, since a client may send an id twice."""

    request_id: str
    caller_request_id: str | None
    client: str
    ended: float  # unix seconds
    facts: Json
    others: int = 0


@dataclass(frozen=True, slots=True)
class Submission:
    """Feedback as it was sent. `reviewer` is the name of the clinician who signs off, since several
    people may share a key."""

    category: Category
    severity: Severity | None
    comment: str | None = None
    corrected_text: str | None = None
    reviewer: str | None = None

    @property
    def texts(self) -> dict[str, str | None]:
        return {field: getattr(self, field) for field in TEXTS}

    @property
    def has_text(self) -> bool:
        return any(text is not None for text in self.texts.values())


@dataclass(frozen=True, slots=True)
class Entry:
    """Stored feedback, without its texts; times are unix seconds."""

    id: str
    created: float
    client: str
    category: str
    severity: str | None
    answer: RecentAnswer
    has_text: bool
    closed: float | None = None
    closed_by: str | None = None
    outcome: str | None = None

    def document(self) -> Json:
        """Return the entry as JSON, with times as RFC 3339 and without unknown fields."""
        answer = self.answer
        fields = {
            "id": self.id,
            "created": rfc3339(self.created),
            "client": self.client,
            "category": self.category,
            "severity": self.severity,
            "request_id": answer.request_id,
            "caller_request_id": answer.caller_request_id,
            "other_answers_of_this_id": answer.others or None,
            "answered": rfc3339(answer.ended),
            "asked_by": answer.client,
            **answer.facts,
            "has_text": self.has_text,
            "state": "open" if self.closed is None else "closed",
            "closed": None if self.closed is None else rfc3339(self.closed),
            "closed_by": self.closed_by,
            "outcome": self.outcome,
        }
        return {name: value for name, value in fields.items() if value is not None}


def text_name(feedback_id: str, field: str) -> str:
    """Return the name under which a text is sealed, so that texts cannot be exchanged."""
    return f"{feedback_id} {field}"
