"""Errors of the gateway, a class for each code. Generated (`make docs`) from gateway/errors.py."""

from mmhie._errors import RequestError, ServiceError


class InvalidRequestError(RequestError, status=400, code="invalid_request"):
    """The body is not what this route reads."""


class UnauthorizedError(RequestError, status=401, code="unauthorized"):
    """No key or token, or one that is not good; which key was tried is not said.

    Set MMHIE_API_KEY.
    """


class ForbiddenError(RequestError, status=403, code="forbidden"):
    """The key is good and lacks a scope."""


class NotFoundError(RequestError, status=404, code="not_found"):
    """There is nothing at this path. Check MMHIE_URL."""


class ModelNotFoundError(NotFoundError, status=404, code="model_not_found"):
    """The request names a model that is not served here."""


class MethodNotAllowedError(RequestError, status=405, code="method_not_allowed"):
    """The path exists, the method does not."""


class HeaderTimeoutError(RequestError, status=408, code="header_timeout"):
    """The head did not arrive within MMHIE_HEADER_TIMEOUT_SECONDS."""


class BodyTimeoutError(RequestError, status=408, code="body_timeout"):
    """The body did not arrive within MMHIE_BODY_TIMEOUT_SECONDS."""


class BodyTooLargeError(RequestError, status=413, code="body_too_large"):
    """The body is over MMHIE_MAX_BODY_BYTES."""


class InputTooLongError(RequestError, status=413, code="input_too_long"):
    """The prompt is over MMHIE_MAX_INPUT_LENGTH tokens, template included."""


class UnsupportedEncodingError(RequestError, status=415, code="unsupported_encoding"):
    """The body is compressed; a small one could become any size.

    A proxy between client and server may compress it.
    """


class TooBusyError(RequestError, status=429, code="too_busy", retryable=True):
    """All slots at the engine and in the queue are taken."""


class HeadersTooLargeError(RequestError, status=431, code="headers_too_large"):
    """The head is over MMHIE_MAX_HEADER_BYTES, or has too many lines.

    A token or a cookie may be too long.
    """


class InternalError(ServiceError, status=500, code="internal"):
    """A fault of the gateway itself."""


class EmbeddingsNotServedError(ServiceError, status=501, code="embeddings_not_served"):
    """A causal language model is the wrong tool for embeddings."""


class EngineRejectedError(ServiceError, status=502, code="engine_rejected"):
    """The engine failed this request and stays up for others."""


class EngineGarbledError(ServiceError, status=502, code="engine_garbled"):
    """What came back is not the engine's protocol."""


class EngineCutError(ServiceError, status=502, code="engine_cut"):
    """The engine stopped before the answer's end."""


class NoAnswerError(ServiceError, status=502, code="no_answer"):
    """The model spent its tokens and gave no answer text. A larger max_tokens may help."""


class EngineUnavailableError(ServiceError, status=503, code="engine_unavailable", retryable=True):
    """The engine is not ready, or left while we were talking."""


class AuditUnavailableError(ServiceError, status=503, code="audit_unavailable", retryable=True):
    """The audit trail cannot be written, and nothing is served that would not be in it."""


class SharedStateUnavailableError(
    ServiceError, status=503, code="shared_state_unavailable", retryable=True
):
    """Redis is away, and nothing is served that other gateways do not know of."""


class HeldError(ServiceError, status=503, code="held"):
    """An operator has taken the model out of service."""


class DrainingError(ServiceError, status=503, code="draining", retryable=True):
    """This process is stopping and takes no new work."""


class QueueTimeoutError(ServiceError, status=503, code="queue_timeout", retryable=True):
    """Waited too long for a place at the engine."""


class TooManyConnectionsError(
    ServiceError, status=503, code="too_many_connections", retryable=True
):
    """MMHIE_MAX_CONNECTIONS are open."""


class EngineTimeoutError(ServiceError, TimeoutError, status=504, code="engine_timeout"):
    """The engine did not answer in time."""
