"""
Exceptions of this package, as one tree. No message holds a word of the prompt or the answer.

MMHIEError
├ ConfigError                       also ValueError: a variable or a field of LLMConfig is wrong
├ TransportError                    no complete answer came
│ ├ ConnectionFailedError           also ConnectionError: nothing was sent; retried
│ ├ ConnectionLostError             also ConnectionError: gone before the answer
│ ├ ClientTimeoutError              also TimeoutError: we gave up waiting
│ ├ StreamCutError                  the stream stopped before its end
│ └ BadAnswerError                  the response does not follow this service's protocol
├ GatewayError                      the server answered with an error: status, code, param
│ ├ RequestError                    the caller can fix it
│ └ ServiceError                    the operator must fix it, or time will
└ LocalServerError                  the server of MMHIE_BACKEND=local is not available
  ├ LauncherNotFoundError           the `mmhie` command is not installed
  ├ LocalStartError                 it ended before it was ready
  └ LocalStartTimeoutError          also TimeoutError: it was not ready in time

The classes of the gateway's codes are in _gateway_errors.py.
"""

from typing import ClassVar

from mmhie._answer import Notice


class MMHIEError(Exception):
    """Base of all exceptions of this package; the message is a sentence with the remedy.

    `notices` are the red flags of the prompt, which need no answer: show them with the message.
    """

    retryable: ClassVar[bool] = False

    def __init__(self, message: str, *, request_id: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.request_id = request_id
        self.notices: tuple[Notice, ...] = ()


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
    """The response does not follow this service's protocol."""


BY_CODE: dict[str, type["GatewayError"]] = {}


class GatewayError(MMHIEError):
    """The server answered with an error: `status`, `code`, `param`, `retry_after_seconds`."""

    default_status: ClassVar[int] = 500
    default_code: ClassVar[str | None] = None

    def __init_subclass__(
        cls, *, status: int | None = None, code: str | None = None, retryable: bool = False
    ) -> None:
        super().__init_subclass__()
        cls.default_status = cls.default_status if status is None else status
        cls.retryable = cls.retryable or retryable
        if code is not None:
            cls.default_code = code
            BY_CODE[code] = cls

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


class RequestError(GatewayError, status=400):
    """The caller can fix it."""


class ServiceError(GatewayError):
    """The operator must fix it, or time will."""


class LocalServerError(MMHIEError):
    """The server of MMHIE_BACKEND=local is not available."""


class LauncherNotFoundError(LocalServerError):
    """The `mmhie` command is not installed."""


class LocalStartError(LocalServerError):
    """`mmhie serve` ended before it was ready; the message ends with its last line."""


class LocalStartTimeoutError(LocalServerError, TimeoutError):
    """`mmhie serve` was not ready within MMHIE_START_TIMEOUT_SECONDS."""
