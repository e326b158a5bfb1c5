"""POST /v1/mmhie/feedback: a reader flags an answer or signs it off, by its request id."""

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from gateway.engine import openai_json
from gateway.errors import BodyTooLarge, FeedbackNotTaken, Forbidden, InvalidField
from gateway.feedback.entry import (
    LONGEST_COMMENT,
    LONGEST_CORRECTION,
    SIGN_OFF,
    Category,
    Severity,
    Submission,
)
from gateway.generate.request import field_error
from gateway.http.exchange import Exchange
from gateway.principal import Principal
from gateway.record import rfc3339
from gateway.services import Services, ServicesDep

if TYPE_CHECKING:
    from gateway.feedback.desk import FeedbackDesk, Receipt

router = APIRouter(tags=["feedback"])
MOST_BYTES = 256 * 1024  # enough for both texts at their maximum, in any script and escaped
NO_SEVERITY = "none"  # as a metric's label
NOT_TAKEN = "Feedback is not taken here; the operator sets MMHIE_FEEDBACK_FILE to take it."
RequestId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:-]{1,128}$")]


class FeedbackRequest(BaseModel):
    """The body of POST /v1/mmhie/feedback; an unknown field is an error."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        hide_input_in_errors=True,
        json_schema_extra={
            "if": {"properties": {"category": {"const": SIGN_OFF}}},
            "then": {"properties": {"severity": {"type": "null"}}},
            "else": {"required": ["severity"], "properties": {"severity": {"type": "string"}}},
        },
    )

    request_id: RequestId = Field(
        description="The answer's `request_id`, or its X-Request-Id header."
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

    reviewer: str | None = Field(
        None,
        min_length=2,
        max_length=80,
        pattern=r"^[^\x00-\x1f]+$",
        description="Name of the clinician who signs off; needed with `signed_off` and a key. A "
        "token names its subject.",
    )

    def to_submission(self, principal: Principal) -> Submission:
        """Return the feedback without its request id, and without `reviewer` if a token names the
        person. Raises InvalidField if `severity` is missing, or sent with `signed_off`."""
        if (self.severity is None) != (self.category == SIGN_OFF):
            raise InvalidField(
                "severity is low, moderate or high, and is left out with `signed_off`.",
                param="severity",
            )
        signs = self.category == SIGN_OFF and principal.kind == "key"
        reviewer = self.reviewer if signs else None
        return Submission(self.category, self.severity, self.comment, self.corrected_text, reviewer)


# FastAPI would read a body of any size, so the handler reads and parses it.
DESCRIBED_BODY = {
    "required": True,
    "content": {"application/json": {"schema": FeedbackRequest.model_json_schema()}},
}


class FeedbackReceipt(BaseModel):
    """The response of POST /v1/mmhie/feedback."""

    id: str = Field(description="Id of this feedback, for `mmhie feedback show`.")
    request_id: str = Field(description="As it was sent.")
    created: str = Field(description="RFC 3339, in UTC.")
    duplicate: bool = Field(
        description="True if the same feedback was stored before; it is stored once."
    )
    audited: bool = Field(description="True if the audit trail records it, too.")


@router.post("/v1/mmhie/feedback", openapi_extra={"requestBody": DESCRIBED_BODY})
async def feedback(request: Request, services: ServicesDep) -> FeedbackReceipt:
    """Flag an answer, or sign it off."""
    desk = require_desk(services)
    if services.trail is not None:
        services.trail.check()
    exchange: Exchange = request.scope["exchange"]
    sent = parse(await read_body(exchange))
    given = sent.to_submission(exchange.record.principal)
    check_reviewer(sent, exchange.record.principal)
    receipt = await desk.give(sent.request_id, given, exchange.record.principal)
    if not receipt.is_duplicate:
        record(receipt, given.reviewer, exchange, services)
    return FeedbackReceipt(
        id=receipt.entry.id,
        request_id=sent.request_id,
        created=rfc3339(receipt.entry.created),
        duplicate=receipt.is_duplicate,
        audited=services.trail is not None,
    )


def check_reviewer(sent: FeedbackRequest, principal: Principal) -> None:
    """Raise Forbidden or InvalidField for a sign-off without the scope or without a name."""
    if sent.category != SIGN_OFF:
        return
    if "sign_off" not in principal.scopes:
        raise Forbidden(
            "Signing off an answer needs a key or token with the scope `sign_off`; ask the "
            "operator for it."
        )
    if principal.kind == "key" and sent.reviewer is None:
        raise InvalidField(
            "reviewer is the name of the clinician who signs off; a key names nobody.",
            param="reviewer",
        )


def require_desk(services: Services) -> "FeedbackDesk":
    if services.feedback is None:
        raise FeedbackNotTaken(NOT_TAKEN)
    return services.feedback


async def read_body(exchange: Exchange) -> bytes:
    limit = MOST_BYTES
    try:
        return await exchange.body(max_bytes=limit)
    except BodyTooLarge:
        raise BodyTooLarge(
            f"Feedback is over {limit} bytes; a comment has at most {LONGEST_COMMENT} characters, "
            f"a corrected text {LONGEST_CORRECTION}."
        ) from None


def parse(body: bytes) -> FeedbackRequest:
    """Return the validated request; raises InvalidField, which does not quote it."""
    try:
        return FeedbackRequest.model_validate(openai_json.parse_request(body))
    except ValidationError as error:
        raise field_error(error, FeedbackRequest) from None


def record(
    receipt: "Receipt", reviewer: str | None, exchange: Exchange, services: Services
) -> None:
    """Count the feedback, and record it in the audit trail: ids, category, severity, reviewer, but
    no text."""
    entry, principal = receipt.entry, exchange.record.principal
    services.metrics.count(services.metrics.feedback, entry.category, entry.severity or NO_SEVERITY)
    if services.trail is not None:
        facts = {
            "feedback_id": entry.id,
            "request_id": entry.answer.request_id,
            "caller_request_id": entry.answer.caller_request_id,
            "client": principal.name,
            "auth": principal.kind,
            "address": exchange.record.address,
            "category": entry.category,
            "severity": entry.severity,
            "reviewer": reviewer,
        }
        services.trail.note("feedback", **{k: v for k, v in facts.items() if v is not None})
