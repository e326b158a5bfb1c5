"""
Everything that can go wrong, as one tree. No message holds a word of the prompt or the answer.

MMHIEError
├ ConfigError                       also ValueError: a variable or a field of LLMConfig is wrong
├ TransportError                    no complete answer came
│ ├ ConnectionFailedError           also ConnectionError: nothing was sent; retried
│ ├ ConnectionLostError             also ConnectionError: gone before the answer
│ ├ ClientTimeoutError              also TimeoutError: we gave up waiting
│ ├ StreamCutError                  the stream stopped before its end
│ └ BadAnswerError                  what came back is not this service's protocol
├ GatewayError                      the server said no: status, code, param
│ ├ RequestError                    the caller can fix it
│ │ ├ InvalidRequestError           400, 422 invalid_request
│ │ ├ UnauthorizedError             401 unauthorized
│ │ ├ ForbiddenError                403 forbidden
│ │ ├ NotFoundError                 404 not_found
│ │ │ └ ModelNotFoundError          404 model_not_found
│ │ ├ MethodNotAllowedError         405 method_not_allowed
│ │ ├ HeaderTimeoutError            408 header_timeout
│ │ ├ BodyTimeoutError              408 body_timeout
│ │ ├ BodyTooLargeError             413 body_too_large
│ │ ├ InputTooLongError             413 input_too_long
│ │ ├ UnsupportedEncodingError      415 unsupported_encoding
│ │ ├ TooBusyError                  429 too_busy; retried
│ │ └ HeadersTooLargeError          431 headers_too_large
│ └ ServiceError                    the operator must fix it, or time will
│   ├ InternalError                 500 internal
│   ├ EmbeddingsNotServedError      501 embeddings_not_served
│   ├ EngineRejectedError           502 engine_rejected
│   ├ EngineGarbledError            502 engine_garbled
│   ├ EngineCutError                502 engine_cut
│   ├ NoAnswerError                 502 no_answer
│   ├ EngineUnavailableError        503 engine_unavailable; retried
│   ├ AuditUnavailableError         503 audit_unavailable; retried
│   ├ SharedStateUnavailableError   503 shared_state_unavailable; retried
│   ├ HeldError                     503 held: an operator's decision, so not retried
│   ├ DrainingError                 503 draining; retried
│   ├ QueueTimeoutError             503 queue_timeout; retried
│   ├ TooManyConnectionsError       503 too_many_connections; retried
│   └ EngineTimeoutError            504 engine_timeout, also TimeoutError
└ LocalServerError                  MMHIE_BACKEND=local could not be had
  ├ LauncherNotFoundError           the `mmhie` command is not installed
  ├ LocalStartError                 it ended before it was ready
  └ LocalStartTimeoutError          also TimeoutError: it was not ready in time
"""

from collections.abc import Iterator, Mapping
from typing import ClassVar


class MMHIEError(Exception):
    """Any failure of this package; the message is a sentence a person can act on."""

    retryable: ClassVar[bool] = False

    def __init__(self, message: str, *, request_id: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.request_id = request_id


class ConfigError(MMHIEError, ValueError):
    """A variable or a field of LLMConfig is wrong; the message names it."""


class TransportError(MMHIEError):
    """No complete answer came from the server."""


class ConnectionFailedError(TransportError, ConnectionError):
    """The server cannot be reached; nothing was sent."""

    retryable = True


class ConnectionLostError(TransportError, ConnectionError):
    """The connection was lost before the answer came; the server may have done the work."""


class ClientTimeoutError(TransportError, TimeoutError):
    """The server neither answered nor gave up in time."""


class StreamCutError(TransportError):
    """The stream stopped before its end: what was received is not an answer."""


class BadAnswerError(TransportError):
    """What came back is not this service's protocol."""


class GatewayError(MMHIEError):
    """The server answered with an error: `status`, `code`, `param`, `retry_after_seconds`."""

    default_status: ClassVar[int] = 500
    default_code: ClassVar[str | None] = None

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        code: str | None = None,
        param: str | None = None,
        retry_after_seconds: float | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message, request_id=request_id)
        self.status = self.default_status if status is None else status
        self.code = self.default_code if code is None else code
        self.param = param
        self.retry_after_seconds = retry_after_seconds


class RequestError(GatewayError):
    """The caller can fix it."""

    default_status = 400


class InvalidRequestError(RequestError):
    """The body, or the field `param`, is not what the server reads."""

    default_code = "invalid_request"


class UnauthorizedError(RequestError):
    """The key is missing or not known; set MMHIE_API_KEY."""

    default_status = 401
    default_code = "unauthorized"


class ForbiddenError(RequestError):
    """The key is known and may not do this."""

    default_status = 403
    default_code = "forbidden"


class NotFoundError(RequestError):
    """There is nothing at this path; MMHIE_URL may be wrong."""

    default_status = 404
    default_code = "not_found"


class ModelNotFoundError(NotFoundError):
    """The model asked for is not served there."""

    default_code = "model_not_found"


class MethodNotAllowedError(RequestError):
    """The path exists, the method does not."""

    default_status = 405
    default_code = "method_not_allowed"


class HeaderTimeoutError(RequestError):
    """The request's headers took too long to arrive."""

    default_status = 408
    default_code = "header_timeout"


class BodyTimeoutError(RequestError):
    """The request took too long to arrive."""

    default_status = 408
    default_code = "body_timeout"


class BodyTooLargeError(RequestError):
    """The request is over the server's size limit in bytes."""

    default_status = 413
    default_code = "body_too_large"


class InputTooLongError(RequestError):
    """The prompt is over MMHIE_MAX_INPUT_LENGTH tokens."""

    default_status = 413
    default_code = "input_too_long"


class UnsupportedEncodingError(RequestError):
    """The request's body was compressed, perhaps by something in between."""

    default_status = 415
    default_code = "unsupported_encoding"


class HeadersTooLargeError(RequestError):
    """The request's headers are over the server's limit; a token or a cookie may be too long."""

    default_status = 431
    default_code = "headers_too_large"


class TooBusyError(RequestError):
    """All slots at the engine and in the queue are taken."""

    default_status = 429
    default_code = "too_busy"
    retryable = True


class ServiceError(GatewayError):
    """The operator must fix it, or time will."""


class InternalError(ServiceError):
    """A fault of the server itself."""

    default_code = "internal"


class EmbeddingsNotServedError(ServiceError):
    """A causal language model is the wrong tool for embeddings."""

    default_status = 501
    default_code = "embeddings_not_served"


class EngineRejectedError(ServiceError):
    """The engine failed this request and stays up for others."""

    default_status = 502
    default_code = "engine_rejected"


class EngineGarbledError(ServiceError):
    """The server did not understand its engine."""

    default_status = 502
    default_code = "engine_garbled"


class EngineCutError(ServiceError):
    """The engine stopped before the answer's end."""

    default_status = 502
    default_code = "engine_cut"


class NoAnswerError(ServiceError):
    """The model gave no answer text, or only reasoning; a larger max_tokens may help."""

    default_status = 502
    default_code = "no_answer"


class EngineUnavailableError(ServiceError):
    """The engine is loading, restarting or gone."""

    default_status = 503
    default_code = "engine_unavailable"
    retryable = True


class AuditUnavailableError(ServiceError):
    """The server cannot write its audit trail and serves nothing until it can."""

    default_status = 503
    default_code = "audit_unavailable"
    retryable = True


class SharedStateUnavailableError(ServiceError):
    """The servers cannot count together and serve nothing by themselves."""

    default_status = 503
    default_code = "shared_state_unavailable"
    retryable = True


class HeldError(ServiceError):
    """An operator has taken the model out of service."""

    default_status = 503
    default_code = "held"


class DrainingError(ServiceError):
    """This server process is stopping and takes no new work."""

    default_status = 503
    default_code = "draining"
    retryable = True


class QueueTimeoutError(ServiceError):
    """The request waited too long for a place at the engine."""

    default_status = 503
    default_code = "queue_timeout"
    retryable = True


class TooManyConnectionsError(ServiceError):
    """The server holds as many connections as it may."""

    default_status = 503
    default_code = "too_many_connections"
    retryable = True


class EngineTimeoutError(ServiceError, TimeoutError):
    """The engine did not answer within the server's MMHIE_TIMEOUT_SECONDS."""

    default_status = 504
    default_code = "engine_timeout"


class LocalServerError(MMHIEError):
    """The server of MMHIE_BACKEND=local could not be had."""


class LauncherNotFoundError(LocalServerError):
    """The `mmhie` command is not installed."""


class LocalStartError(LocalServerError):
    """`mmhie serve` ended before it was ready; the message ends with its last line."""


class LocalStartTimeoutError(LocalServerError, TimeoutError):
    """`mmhie serve` was not ready within MMHIE_START_TIMEOUT_SECONDS."""


def _leaves(parent: type[GatewayError]) -> Iterator[type[GatewayError]]:
    for child in parent.__subclasses__():
        yield child
        yield from _leaves(child)


BY_CODE: Mapping[str, type[GatewayError]] = {
    leaf.default_code: leaf for leaf in _leaves(GatewayError) if leaf.default_code
}

# Answers of something between us and the gateway carry no code of ours: the status decides.
BY_STATUS: Mapping[int, type[GatewayError]] = {
    400: InvalidRequestError,
    401: UnauthorizedError,
    403: ForbiddenError,
    404: NotFoundError,
    405: MethodNotAllowedError,
    408: BodyTimeoutError,
    413: BodyTooLargeError,
    422: InvalidRequestError,
    429: TooBusyError,
    503: EngineUnavailableError,
    504: EngineTimeoutError,
}


def class_for(code: object, status: int) -> type[GatewayError]:
    """The class of a gateway code; for a code nobody knows, the class of the status."""
    if isinstance(code, str) and code in BY_CODE:
        return BY_CODE[code]
    family = RequestError if 400 <= status < 500 else ServiceError
    return BY_STATUS.get(status, family)
