"""POST /v1/mmhie/feedback: a reader flags an answer or signs it off, by its request id."""

from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field, ValidationError

from gateway.engine import openai_json
from gateway.errors import BodyTooLarge, FeedbackNotTaken, Forbidden
from gateway.feedback.entry import LONGEST_COMMENT, LONGEST_CORRECTION, SIGN_OFF, Submission
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

# FastAPI would read a body of any size, so the handler reads and parses it.
DESCRIBED_BODY = {
    "required": True,
    "content": {"application/json": {"schema": Submission.model_json_schema()}},
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
    if sent.category == SIGN_OFF:
        check_signer(exchange.record.principal)
    receipt = await desk.give(sent, exchange.record.principal)
    if not receipt.is_duplicate:
        record(receipt, exchange, services)
    return FeedbackReceipt(
        id=receipt.entry.id,
        request_id=sent.request_id,
        created=rfc3339(receipt.entry.created),
        duplicate=receipt.is_duplicate,
        audited=services.trail is not None,
    )


def check_signer(principal: Principal) -> None:
    """Raise Forbidden for a caller without the scope, or whose person nobody has verified."""
    if "sign_off" not in principal.scopes:
        raise Forbidden(
            "Signing off an answer needs a key or token with the scope `sign_off`; ask the "
            "operator for it."
        )
    if principal.care.verified_user is None:
        raise Forbidden(
            "A sign-off names its person: send that person's own token, or a key of one person "
            "(`mmhie keys new --user`), without a header that names a user."
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


def parse(body: bytes) -> Submission:
    """Return the validated request; raises InvalidField, which does not quote it."""
    try:
        return Submission.model_validate(openai_json.parse_request(body))
    except ValidationError as error:
        raise field_error(error, Submission) from None


def record(receipt: "Receipt", exchange: Exchange, services: Services) -> None:
    """Count the feedback, and record it in the audit trail: ids, category, severity, reviewer, but
    no text."""
    entry, principal = receipt.entry, exchange.record.principal
    services.metrics.feedback.labels(entry.category, entry.severity or NO_SEVERITY).inc()
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
            "reviewer": entry.reviewer,
        }
        services.trail.note("feedback", **{k: v for k, v in facts.items() if v is not None})
