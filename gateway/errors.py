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
    # Whether the audit trail has the sentence: not one with words or numbers of somebody else.
    is_recorded: bool = True

    def __init_subclass__(
        cls, *, status: int | None = None, code: str | None = None, kind: str | None = None
    ) -> None:
        """Set what differs from the base class; `kind` is the `type` of the error object."""
        cls.status, cls.code = status or cls.status, code or cls.code
        cls.type = kind or cls.type

    def __init__(
        self, message: str, *, param: str | None = None, retry_after_s: int | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.retry_after_s = retry_after_s
        self.notices: Sequence[Mapping[str, str]] = ()  # of the prompt

    def envelope(self) -> Mapping[str, Json]:
        """Return the error object of every route, as OpenAI clients parse it."""
        labels: Json = {"mmhie": {"notices": self.notices}} if self.notices else {}
        return {"error": {**self.details(), **labels}}

    def details(self) -> Json:
        """Return the four fields of every error object."""
        return {
            "message": self.message,
            "type": self.type,
            "param": self.param,
            "code": self.code,
        }

    def body(self) -> bytes:
        return orjson.dumps(self.envelope())

    def headers(self) -> Mapping[str, str]:
        """Return the additional headers: Retry-After in whole seconds if waiting helps."""
        return {} if self.retry_after_s is None else {"retry-after": str(self.retry_after_s)}


class RequestError(GatewayError, status=400, code="invalid_request", kind="invalid_request_error"):
    """The caller can fix it."""


class InvalidRequest(RequestError):
    """The body is not JSON, or not what this endpoint accepts."""


class InvalidField(RequestError, status=422):
    """One field of the body is missing, unknown or out of range."""


class Unauthorized(RequestError, status=401, code="unauthorized", kind="authentication_error"):
    """No key or token, or one that is unknown, expired or revoked."""

    def headers(self) -> Mapping[str, str]:
        return {"www-authenticate": "Bearer"}


class Forbidden(RequestError, status=403, code="forbidden", kind="permission_error"):
    """The key or token is valid but lacks a scope."""


class ModelNotFound(RequestError, status=404, code="model_not_found"):
    """The request names a model that is not served."""


class NotFound(RequestError, status=404, code="not_found"):
    """No such path, or no such earlier response."""


class AnswerNotFound(RequestError, status=404, code="answer_not_found"):
    """No answer of this request id was given to this key, or its time for feedback is over."""


class MethodNotAllowed(RequestError, status=405, code="method_not_allowed"):
    """The path does not support this method."""

    def __init__(self, message: str, *, allow: str) -> None:
        super().__init__(message)
        self.allow = allow

    def headers(self) -> Mapping[str, str]:
        return {"allow": self.allow}


class HeaderTimeout(RequestError, status=408, code="header_timeout"):
    """The headers did not arrive within ten seconds."""


class BodyTimeout(RequestError, status=408, code="body_timeout"):
    """The body did not arrive within half a minute."""


class BodyTooLarge(RequestError, status=413, code="body_too_large"):
    """The body is over MMHIE_MAX_BODY_BYTES."""


class InputTooLong(RequestError, status=413, code="input_too_long"):
    """The prompt is over MMHIE_MAX_INPUT_LENGTH tokens, or the context, template included."""


class UnsupportedEncoding(RequestError, status=415, code="unsupported_encoding"):
    """The body is compressed, which is not supported."""


class UnsupportedMediaType(RequestError, status=415, code="unsupported_media_type"):
    """The body is not declared as JSON, where it has to be."""


class TooBusy(RequestError, status=429, code="too_busy", kind="rate_limit_error"):
    """A rate limit is exceeded, or all slots and the queue are full."""


class HeadersTooLarge(RequestError, status=431, code="headers_too_large"):
    """The headers are over 32 KiB, or over 128 lines."""


class ServiceError(GatewayError):
    """We or the engine must fix it."""


FAULT = "The gateway failed; try again. Its log has the fault under this request id."


class InternalError(ServiceError):
    """An unexpected error in the gateway."""


class EmbeddingsNotServed(ServiceError, status=501, code="embeddings_not_served"):
    """Embeddings are not served: use a dedicated embedding model."""

    def headers(self) -> Mapping[str, str]:
        return NO_RETRY


class FeedbackNotTaken(ServiceError, status=501, code="feedback_not_taken"):
    """This gateway takes no feedback: MMHIE_FEEDBACK_FILE is not set."""

    def headers(self) -> Mapping[str, str]:
        return NO_RETRY


class EngineRejected(ServiceError, status=502, code="engine_rejected"):
    """The engine refused or failed this request."""


class EngineGarbled(ServiceError, status=502, code="engine_garbled"):
    """The engine sent a malformed response."""


class EngineCut(ServiceError, status=502, code="engine_cut"):
    """The engine ended the response before it was complete."""


class NoAnswer(ServiceError, status=502, code="no_answer"):
    """The model generated tokens but no answer text."""


class EngineUnavailable(ServiceError, status=503, code="engine_unavailable"):
    """The engine is not ready, or its connection failed before the first byte."""


class AuditUnavailable(ServiceError, status=503, code="audit_unavailable"):
    """The audit trail cannot be written, and MMHIE_AUDIT_ON_FAILURE is refuse."""


class VaultUnavailable(ServiceError, status=503, code="vault_unavailable"):
    """The answer vault cannot be written."""


class SharedStateUnavailable(ServiceError, status=503, code="shared_state_unavailable"):
    """Redis is unavailable, and MMHIE_REDIS_ON_FAILURE is refuse."""


class FeedbackUnavailable(ServiceError, status=503, code="feedback_unavailable"):
    """The feedback could not be stored."""


class Held(ServiceError, status=503, code="held"):
    """An operator has taken the model out of service."""

    is_recorded = False  # the hold's own line has the operator's words


class Draining(ServiceError, status=503, code="draining"):
    """The gateway is shutting down and accepts no new requests."""


class QueueTimeout(ServiceError, status=503, code="queue_timeout"):
    """No slot became free within MMHIE_QUEUE_TIMEOUT_SECONDS."""


class OutOfMemory(ServiceError, status=503, code="too_busy", kind="rate_limit_error"):
    """The bodies and answers in progress take all of MMHIE_MAX_MEMORY."""


class EngineTimeout(ServiceError, status=504, code="engine_timeout"):
    """The engine did not respond within MMHIE_TIMEOUT_SECONDS."""


class ClientGone(BaseException):
    """The caller hung up. Like CancelledError it is not a failure: handlers of failures must not
    catch it, and all work for the caller stops."""
