"""Errors of the gateway, a class for each code. Generated (`make docs`) from gateway/errors.py."""

from mmhie._errors import RequestError, ServiceError


class InvalidRequestError(RequestError, status=400, code="invalid_request"):
    """The body is not JSON, or not what this endpoint accepts."""


class UnauthorizedError(RequestError, status=401, code="unauthorized"):
    """No key or token, or one that is unknown, expired or revoked. Set MMHIE_API_KEY."""


class ForbiddenError(RequestError, status=403, code="forbidden"):
    """The key or token is valid but lacks a scope."""


class NotFoundError(RequestError, status=404, code="not_found"):
    """No such path. Check MMHIE_URL."""


class AnswerNotFoundError(RequestError, status=404, code="answer_not_found"):
    """No answer of this request id was given to this key, or its time for feedback is over."""


class ModelNotFoundError(NotFoundError, status=404, code="model_not_found"):
    """The request names a model that is not served."""


class MethodNotAllowedError(RequestError, status=405, code="method_not_allowed"):
    """The path does not support this method."""


class HeaderTimeoutError(RequestError, status=408, code="header_timeout"):
    """The headers did not arrive within MMHIE_HEADER_TIMEOUT_SECONDS."""


class BodyTimeoutError(RequestError, status=408, code="body_timeout"):
    """The body did not arrive within MMHIE_BODY_TIMEOUT_SECONDS."""


class BodyTooLargeError(RequestError, status=413, code="body_too_large"):
    """The body is over MMHIE_MAX_BODY_BYTES."""


class InputTooLongError(RequestError, status=413, code="input_too_long"):
    """The prompt is over MMHIE_MAX_INPUT_LENGTH tokens, or the context, template included."""


class UnsupportedEncodingError(RequestError, status=415, code="unsupported_encoding"):
    """The body is compressed, which is not supported.

    A proxy between client and server may compress it.
    """


class UnsupportedMediaTypeError(RequestError, status=415, code="unsupported_media_type"):
    """The body is not declared as JSON, where it has to be."""


class TooBusyError(RequestError, status=429, code="too_busy", retryable=True):
    """A rate limit is exceeded, or all slots and the queue are full."""


class HeadersTooLargeError(RequestError, status=431, code="headers_too_large"):
    """The headers are over MMHIE_MAX_HEADER_BYTES, or over 128 lines.

    A token or a cookie may be too long.
    """


class InternalError(ServiceError, status=500, code="internal"):
    """An unexpected error in the gateway."""


class EmbeddingsNotServedError(ServiceError, status=501, code="embeddings_not_served"):
    """Embeddings are not served: use a dedicated embedding model."""


class FeedbackNotTakenError(ServiceError, status=501, code="feedback_not_taken"):
    """This gateway takes no feedback: MMHIE_FEEDBACK_FILE is not set."""


class EngineRejectedError(ServiceError, status=502, code="engine_rejected"):
    """The engine refused or failed this request."""


class EngineGarbledError(ServiceError, status=502, code="engine_garbled"):
    """The engine sent a malformed response."""


class EngineCutError(ServiceError, status=502, code="engine_cut"):
    """The engine ended the response before it was complete."""


class NoAnswerError(ServiceError, status=502, code="no_answer"):
    """The model generated tokens but no answer text. A larger max_tokens may help."""


class EngineUnavailableError(ServiceError, status=503, code="engine_unavailable", retryable=True):
    """The engine is not ready, or its connection failed before the first byte."""


class AuditUnavailableError(ServiceError, status=503, code="audit_unavailable", retryable=True):
    """The audit trail cannot be written, and MMHIE_AUDIT_ON_FAILURE is refuse."""


class VaultUnavailableError(ServiceError, status=503, code="vault_unavailable", retryable=True):
    """The answer vault cannot be written."""


class SharedStateUnavailableError(
    ServiceError, status=503, code="shared_state_unavailable", retryable=True
):
    """Redis is unavailable, and MMHIE_REDIS_ON_FAILURE is refuse."""


class FeedbackUnavailableError(
    ServiceError, status=503, code="feedback_unavailable", retryable=True
):
    """The feedback could not be stored; nothing of it is kept."""


class HeldError(ServiceError, status=503, code="held"):
    """An operator has taken the model out of service."""


class DrainingError(ServiceError, status=503, code="draining", retryable=True):
    """The gateway is shutting down and accepts no new requests."""


class QueueTimeoutError(ServiceError, status=503, code="queue_timeout", retryable=True):
    """No slot became free within MMHIE_QUEUE_TIMEOUT_SECONDS."""


class TooManyConnectionsError(
    ServiceError, status=503, code="too_many_connections", retryable=True
):
    """MMHIE_MAX_CONNECTIONS connections are open."""


class EngineTimeoutError(ServiceError, TimeoutError, status=504, code="engine_timeout"):
    """The engine did not respond within MMHIE_TIMEOUT_SECONDS."""
