"""Feedback on an answer: the request, and its receipt."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from mmhie._errors import RequestError
from mmhie._request import Request, encode_json
from mmhie._response import Response, bad_answer, read_object

NO_ID = "Feedback needs the request_id of an answer; this one has none."
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
    """Proof that the server has stored the feedback; `audited`: the audit trail has it, too."""

    id: str
    request_id: str
    created: str  # RFC 3339, in UTC
    duplicate: bool  # the server had the same already, and stores it once
    audited: bool


def feedback_request(
    request_id: str | None,
    category: str,
    severity: str | None,
    comment: str | None,
    corrected_text: str | None,
    reviewer: str | None,
) -> Request:
    """Return a request to /v1/mmhie/feedback; what is None is left out.

    Raises RequestError without the id of an answer.
    """
    if not request_id:
        raise RequestError(NO_ID, code="invalid_request")
    fields: Mapping[str, object] = {
        "request_id": request_id,
        "category": category,
        "severity": severity,
        "comment": comment,
        "corrected_text": corrected_text,
        "reviewer": reviewer,
    }
    body = encode_json({name: value for name, value in fields.items() if value is not None})
    return Request("POST", "/v1/mmhie/feedback", body)


def read_receipt(response: Response) -> FeedbackReceipt:
    """Return the receipt. Raises UnavailableError."""
    fields = read_object(response)
    names = [fields.get(name) for name in ("id", "request_id", "created")]
    facts = [fields.get(name) for name in ("duplicate", "audited")]
    if not all(isinstance(name, str) for name in names):
        raise bad_answer("The response is no receipt", response)
    id_, request_id, created = map(str, names)
    return FeedbackReceipt(id_, request_id, created, *(fact is True for fact in facts))
