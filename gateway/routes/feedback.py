"""POST /v1/mmhie/feedback: what a reader says of an answer, by its request id."""

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
    Given,
    Severity,
)
from gateway.generate.request import field_error
from gateway.http.exchange import Exchange
from gateway.principal import Principal
from gateway.record import rfc3339
from gateway.services import Services, ServicesDep

if TYPE_CHECKING:
    from gateway.feedback.desk import FeedbackDesk, Receipt

router = APIRouter(tags=["feedback"])
MOST_BYTES = 256 * 1024  # both texts at their longest, in any script and escaped
NO_SEVERITY = "none"  # as a metric's label
NOT_TAKEN = "Feedback is not taken here; the operator sets MMHIE_FEEDBACK_FILE to take it."
RequestId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:-]{1,128}$")]


class FeedbackRequest(BaseModel):
    """The body of POST /v1/mmhie/feedback; a field it does not know is an error."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)

    request_id: RequestId = Field(description="Of the answer: `request_id`, or its X-Request-Id.")
    category: Category = Field(
        description="What is wrong with the answer; `signed_off`: a clinician has reviewed it and "
        "stands by it."
    )
    severity: Severity | None = Field(
        None, description="Harm that the answer could do; needed but for `signed_off`."
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
        description="The answer as it should have been; kept as the comment is.",
    )

    reviewer: str | None = Field(
        None,
        min_length=2,
        max_length=80,
        pattern=r"^[^\x00-\x1f]+$",
        description="Name of the clinician who signs off; needed with `signed_off` and a key. A "
        "token names its subject.",
    )

    def given(self, principal: Principal) -> Given:
        """Return what is said; raise InvalidField for a severity that is missing or too much. A
        token names who signs off: nobody else can be named with it."""
        if (self.severity is None) != (self.category == SIGN_OFF):
            raise InvalidField(
                "severity is low, moderate or high, and is left out with `signed_off`.",
                param="severity",
            )
        signs = self.category == SIGN_OFF and principal.kind == "key"
        reviewer = self.reviewer if signs else None
        return Given(self.category, self.severity, self.comment, self.corrected_text, reviewer)


# FastAPI would read a body of any size: the handler reads it.
DESCRIBED_BODY = {
    "required": True,
    "content": {"application/json": {"schema": FeedbackRequest.model_json_schema()}},
}


class FeedbackReceipt(BaseModel):
    """The answer of POST /v1/mmhie/feedback."""

    id: str = Field(description="Of this feedback, for `mmhie feedback show`.")
    request_id: str = Field(description="As it was sent.")
    created: str = Field(description="RFC 3339, in UTC.")
    duplicate: bool = Field(description="The same was said before; it is kept once.")
    audited: bool = Field(description="Whether an audit trail names it, too.")


@router.post("/v1/mmhie/feedback", openapi_extra={"requestBody": DESCRIBED_BODY})
async def feedback(request: Request, services: ServicesDep) -> FeedbackReceipt:
    """Flag an answer, or sign it off."""
    desk = desk_of(services)
    if services.trail is not None:
        services.trail.check()
    exchange: Exchange = request.scope["exchange"]
    sent = checked(await body_of(exchange))
    given = sent.given(exchange.record.principal)
    refuse_unnamed(sent, exchange.record.principal)
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


def refuse_unnamed(sent: FeedbackRequest, principal: Principal) -> None:
    """Raise Forbidden or InvalidField for a sign-off that is not a named clinician's."""
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


def desk_of(services: Services) -> "FeedbackDesk":
    if services.feedback is None:
        raise FeedbackNotTaken(NOT_TAKEN)
    return services.feedback


async def body_of(exchange: Exchange) -> bytes:
    limit = MOST_BYTES
    try:
        return await exchange.body(max_bytes=limit)
    except BodyTooLarge:
        raise BodyTooLarge(
            f"Feedback is over {limit} bytes; a comment has at most {LONGEST_COMMENT} characters, "
            f"a corrected text {LONGEST_CORRECTION}."
        ) from None


def checked(body: bytes) -> FeedbackRequest:
    """The request, every field checked; raises InvalidField, which quotes nothing of it."""
    try:
        return FeedbackRequest.model_validate(openai_json.parse_request(body))
    except ValidationError as error:
        raise field_error(error, FeedbackRequest) from None


def record(
    receipt: "Receipt", reviewer: str | None, exchange: Exchange, services: Services
) -> None:
    """Count the feedback, and name it in the audit trail: ids, closed sets, who signs; no text."""
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
