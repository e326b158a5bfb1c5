"""
Exceptions of this package: one class for each thing that a caller does about a failure.

MMHIEError
├ ConfigError               also ValueError: correct a setting, an argument or the installation
├ AccessError               the key is missing, unknown or expired, or lacks a scope
├ RequestError              the request is refused as it is: change it
├ BusyError                 a rate limit, or no free slot: ask again after `retry_after_seconds`
├ UnavailableError          the service cannot answer: loading, on hold, failing
├ ServiceTimeoutError       also TimeoutError: no answer in time
├ IncompleteAnswerError     the answer was cut off: discard what you have shown of it
└ ConnectionFailedError     also ConnectionError: no server there, or the connection was lost

`code` says which case it is: one of the gateway's codes, or one of this package's own.
"""

from mmhie._answer import Notice


class MMHIEError(Exception):
    """Base of all exceptions of this package; the message is a sentence with the remedy.

    No message quotes the prompt or the answer. `status` is the HTTP status of an error response.
    `notices` are the red flags of the prompt, which need no answer: show them with the message.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        status: int | None = None,
        param: str | None = None,
        request_id: str | None = None,
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.status = status
        self.param = param
        self.request_id = request_id
        self.retry_after_seconds = retry_after_seconds
        self.notices: tuple[Notice, ...] = ()


class ConfigError(MMHIEError, ValueError):
    """A variable, a field of LLMConfig or the installation is wrong; the message names it."""


class AccessError(MMHIEError):
    """The key is missing, unknown, expired or revoked (401), or lacks a scope (403)."""


class RequestError(MMHIEError):
    """The request is refused as it is, by the service or by this package."""


class BusyError(MMHIEError):
    """A rate limit is exceeded, or there is no free slot; it was retried without success."""


class UnavailableError(MMHIEError):
    """The service cannot answer: it is loading, on hold or failing, or is another service."""


class ServiceTimeoutError(MMHIEError, TimeoutError):
    """The service did not answer within its own limit (`engine_timeout`) or within ours."""


class IncompleteAnswerError(MMHIEError):
    """The answer stopped before its end, or has no text: what was received is not an answer."""


class ConnectionFailedError(MMHIEError, ConnectionError):
    """The server is `unreachable`, or the connection was lost (`connection_lost`).

    After a lost connection the server may have done the work.
    """


# The error's code decides, then the status, then the type: inside a stream there is no status.
KINDS: dict[object, type[MMHIEError]] = {
    "too_busy": BusyError,
    "queue_timeout": BusyError,
    "engine_cut": IncompleteAnswerError,
    "no_answer": IncompleteAnswerError,
    "engine_timeout": ServiceTimeoutError,
    401: AccessError,
    403: AccessError,
    408: ServiceTimeoutError,
    429: BusyError,
    504: ServiceTimeoutError,
    "authentication_error": AccessError,
    "permission_error": AccessError,
    "invalid_request_error": RequestError,
    "rate_limit_error": BusyError,
}


def kind_of(code: str | None, error_type: str | None, status: int | None) -> type[MMHIEError]:
    """Return the class of an error response, or of an error inside a stream."""
    for key in (code, status, error_type):
        if key in KINDS:
            return KINDS[key]
    return RequestError if status is not None and 400 <= status < 500 else UnavailableError
