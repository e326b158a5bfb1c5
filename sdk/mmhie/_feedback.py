"""Feedback on an answer: its categories, and its receipt."""

from dataclasses import dataclass
from typing import Literal

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


@dataclass(frozen=True, slots=True)
class FeedbackReceipt:
    """Proof that the server has stored the feedback; `audited` if it is in the audit trail, too."""

    id: str
    request_id: str
    created: str  # RFC 3339, in UTC
    duplicate: bool  # the server had stored the same before
    audited: bool
