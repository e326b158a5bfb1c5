"""
The tree of errors: raised deep, rendered once.

GatewayError
├ RequestError              4xx, the caller can fix it
│ ├ InvalidRequest          400 invalid_request
│ ├ InvalidField            422 invalid_request     names the field
│ ├ Unauthorized            401 unauthorized        WWW-Authenticate
│ ├ Forbidden               403 forbidden           names the scope
│ ├ ModelNotFound           404 model_not_found
│ ├ NotFound                404 not_found
│ ├ AnswerNotFound          404 answer_not_found    no answer of this id for this key
│ ├ MethodNotAllowed        405 method_not_allowed
│ ├ HeaderTimeout           408 header_timeout      the connection is closed
│ ├ BodyTimeout             408 body_timeout        the connection is closed
│ ├ BodyTooLarge            413 body_too_large
│ ├ InputTooLong            413 input_too_long      token counts, never the text
│ ├ UnsupportedEncoding     415 unsupported_encoding
│ ├ UnsupportedMediaType    415 unsupported_media_type
│ ├ TooBusy                 429 too_busy            Retry-After
│ └ HeadersTooLarge         431 headers_too_large   the connection is closed
└ ServiceError              5xx, we or the engine must fix it
  ├ InternalError           500 internal
  ├ EmbeddingsNotServed     501 embeddings_not_served
  ├ FeedbackNotTaken        501 feedback_not_taken
  ├ EngineRejected          502 engine_rejected     the engine failed this request only
  ├ EngineGarbled           502 engine_garbled      not the engine's protocol
  ├ EngineCut               502 engine_cut          the answer stopped before its end
  ├ NoAnswer                502 no_answer           tokens spent, no answer text
  ├ EngineUnavailable       503 engine_unavailable  Retry-After
  ├ AuditUnavailable        503 audit_unavailable   Retry-After
  ├ VaultUnavailable        503 vault_unavailable   Retry-After
  ├ SharedStateUnavailable  503 shared_state_unavailable  Retry-After
  ├ FeedbackUnavailable     503 feedback_unavailable  Retry-After
  ├ Held                    503 held                an operator has put the model on hold
  ├ Draining                503 draining            this process is stopping
  ├ QueueTimeout            503 queue_timeout       Retry-After
  ├ OutOfMemory             503 too_busy            Retry-After
  ├ TooManyConnections      503 too_many_connections  Retry-After, the connection is closed
  └ EngineTimeout           504 engine_timeout
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar

import orjson

from gateway.runtime.json_types import Json

NO_RETRY = {"x-should-retry": "false"}  # the official clients would try a 501 again


class GatewayError(Exception):
    """A failure with a status, a code for programs and a sentence for people."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal"
    type: ClassVar[str] = "server_error"

    def __init__(
        self, message: str, *, param: str | None = None, retry_after_s: int | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.retry_after_s = retry_after_s
        self.notices: Sequence[Mapping[str, str]] = ()  # of the prompt: they need no answer

    def envelope(self) -> Mapping[str, Json]:
        """The one error shape of every route: what OpenAI clients parse."""
        labels: Json = {"mmhie": {"notices": self.notices}} if self.notices else {}
        return {"error": {**self.details(), **labels}}

    def details(self) -> Json:
        """The four fields of every error object."""
        return {
            "message": self.message,
            "type": self.type,
            "param": self.param,
            "code": self.code,
        }

    def body(self) -> bytes:
        return orjson.dumps(self.envelope())

    def headers(self) -> Mapping[str, str]:
        """Headers beyond the content type: Retry-After in whole seconds where waiting helps."""
        return {} if self.retry_after_s is None else {"retry-after": str(self.retry_after_s)}


class RequestError(GatewayError):
    """The caller can fix it."""

    status = 400
    code = "invalid_request"
    type = "invalid_request_error"


class InvalidRequest(RequestError):
    """The body is not JSON, or not what this endpoint accepts."""


class InvalidField(RequestError):
    """One field of the body is missing, unknown or out of range."""

    status = 422


class Unauthorized(RequestError):
    """No key or token, or one that is unknown, expired or revoked."""

    status = 401
    code = "unauthorized"
    type = "authentication_error"

    def headers(self) -> Mapping[str, str]:
        return {"www-authenticate": "Bearer"}


class Forbidden(RequestError):
    """The key or token is valid but lacks a scope."""

    status = 403
    code = "forbidden"
    type = "permission_error"


class ModelNotFound(RequestError):
    """The request names a model that is not served."""

    status = 404
    code = "model_not_found"


class NotFound(RequestError):
    """No such path."""

    status = 404
    code = "not_found"


class AnswerNotFound(RequestError):
    """No answer of this request id was given to this key, or its time for feedback is over."""

    status = 404
    code = "answer_not_found"


class MethodNotAllowed(RequestError):
    """The path does not support this method."""

    status = 405
    code = "method_not_allowed"

    def __init__(self, message: str, *, allow: str) -> None:
        super().__init__(message)
        self.allow = allow

    def headers(self) -> Mapping[str, str]:
        return {"allow": self.allow}


class HeaderTimeout(RequestError):
    """The headers did not arrive within ten seconds."""

    status = 408
    code = "header_timeout"


class BodyTimeout(RequestError):
    """The body did not arrive within half a minute."""

    status = 408
    code = "body_timeout"


class BodyTooLarge(RequestError):
    """The body is over MMHIE_MAX_BODY_BYTES."""

    status = 413
    code = "body_too_large"


class InputTooLong(RequestError):
    """The prompt is over MMHIE_MAX_INPUT_LENGTH tokens, or the context, template included."""

    status = 413
    code = "input_too_long"


class UnsupportedEncoding(RequestError):
    """The body is compressed, which is not supported."""

    status = 415
    code = "unsupported_encoding"


class UnsupportedMediaType(RequestError):
    """The body is not declared as JSON, where it has to be."""

    status = 415
    code = "unsupported_media_type"


class TooBusy(RequestError):
    """A rate limit is exceeded, or all slots and the queue are full."""

    status = 429
    code = "too_busy"
    type = "rate_limit_error"


class HeadersTooLarge(RequestError):
    """The headers are over 32 KiB, or over 128 lines."""

    status = 431
    code = "headers_too_large"


class ServiceError(GatewayError):
    """We or the engine must fix it."""


FAULT = "The gateway failed; try again. Its log has the fault under this request id."


class InternalError(ServiceError):
    """An unexpected error in the gateway."""


class EmbeddingsNotServed(ServiceError):
    """Embeddings are not served: use a dedicated embedding model."""

    status = 501
    code = "embeddings_not_served"

    def headers(self) -> Mapping[str, str]:
        return NO_RETRY


class FeedbackNotTaken(ServiceError):
    """This gateway takes no feedback: MMHIE_FEEDBACK_FILE is not set."""

    status = 501
    code = "feedback_not_taken"

    def headers(self) -> Mapping[str, str]:
        return NO_RETRY


class EngineRejected(ServiceError):
    """The engine refused or failed this request."""

    status = 502
    code = "engine_rejected"


class EngineGarbled(ServiceError):
    """The engine sent a malformed response."""

    status = 502
    code = "engine_garbled"


class EngineCut(ServiceError):
    """The engine ended the response before it was complete."""

    status = 502
    code = "engine_cut"


class NoAnswer(ServiceError):
    """The model generated tokens but no answer text."""

    status = 502
    code = "no_answer"


class EngineUnavailable(ServiceError):
    """The engine is not ready, or its connection failed before the first byte."""

    status = 503
    code = "engine_unavailable"


class AuditUnavailable(ServiceError):
    """The audit trail cannot be written, and MMHIE_AUDIT_ON_FAILURE is refuse."""

    status = 503
    code = "audit_unavailable"


class VaultUnavailable(ServiceError):
    """The answer vault cannot be written."""

    status = 503
    code = "vault_unavailable"


class SharedStateUnavailable(ServiceError):
    """Redis is unavailable, and MMHIE_REDIS_ON_FAILURE is refuse."""

    status = 503
    code = "shared_state_unavailable"


class FeedbackUnavailable(ServiceError):
    """The feedback could not be stored; nothing of it is kept."""

    status = 503
    code = "feedback_unavailable"


class Held(ServiceError):
    """An operator has taken the model out of service."""

    status = 503
    code = "held"


class Draining(ServiceError):
    """The gateway is shutting down and accepts no new requests."""

    status = 503
    code = "draining"


class QueueTimeout(ServiceError):
    """No slot became free within MMHIE_QUEUE_TIMEOUT_SECONDS."""

    status = 503
    code = "queue_timeout"


class OutOfMemory(ServiceError):
    """The bodies and answers in progress take all of MMHIE_MAX_MEMORY."""

    status = 503
    code = "too_busy"
    type = "rate_limit_error"


class TooManyConnections(ServiceError):
    """MMHIE_MAX_CONNECTIONS connections are open."""

    status = 503
    code = "too_many_connections"


class EngineTimeout(ServiceError):
    """The engine did not respond within MMHIE_TIMEOUT_SECONDS."""

    status = 504
    code = "engine_timeout"


class ClientGone(BaseException):
    """The caller hung up. Like CancelledError it is no failure, so nothing that handles failures
    may catch it: whatever was being done for the caller stops."""
