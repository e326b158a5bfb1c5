"""Feedback on an answer: the request, and its receipt."""

from dataclasses import dataclass
from typing import Literal

from mmhie._errors import RequestError
from mmhie._options import Options
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
    """Proof that the server has stored the feedback; `audited` if it is in the audit trail, too."""

    id: str
    request_id: str
    created: str  # RFC 3339, in UTC
    duplicate: bool  # the server had stored the same before
    audited: bool


def feedback_request(request_id: str | None, options: Options, **fields: str | None) -> Request:
    """Return a request to /v1/mmhie/feedback, without fields that are None.

    Raises RequestError without the id of an answer.
    """
    if not request_id:
        raise RequestError(NO_ID, code="invalid_request")
    given = {name: text for name, text in fields.items() if text is not None}
    body = encode_json({"request_id": request_id, **given})
    return Request("POST", "/v1/mmhie/feedback", body, options=options)


def read_receipt(response: Response) -> FeedbackReceipt:
    """Return the receipt. Raises UnavailableError."""
    fields = read_object(response)
    texts = {name: fields.get(name) for name in ("id", "request_id", "created")}
    if not all(isinstance(text, str) for text in texts.values()):
        raise bad_answer("The response is no receipt", response)
    facts = {name: fields.get(name) is True for name in ("duplicate", "audited")}
    return FeedbackReceipt(**texts, **facts)  # type: ignore[arg-type] # texts are str
