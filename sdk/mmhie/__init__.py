"""
Client of the MM-HIE medical reasoning service.

Model outputs are not clinical advice. They must not be used for diagnosis or treatment decisions
without review by a licensed clinician.
"""

from mmhie._answer import Answer, Usage
from mmhie._async_client import AsyncMedicalReasoningLLM
from mmhie._async_stream import AsyncAnswerStream
from mmhie._client import MedicalReasoningLLM
from mmhie._config import LLMConfig
from mmhie._errors import (
    AuditUnavailableError,
    BadAnswerError,
    BodyTimeoutError,
    BodyTooLargeError,
    ClientTimeoutError,
    ConfigError,
    ConnectionFailedError,
    ConnectionLostError,
    DrainingError,
    EmbeddingsNotServedError,
    EngineCutError,
    EngineGarbledError,
    EngineRejectedError,
    EngineTimeoutError,
    EngineUnavailableError,
    ForbiddenError,
    GatewayError,
    HeldError,
    InputTooLongError,
    InternalError,
    InvalidRequestError,
    LauncherNotFoundError,
    LocalServerError,
    LocalStartError,
    LocalStartTimeoutError,
    MethodNotAllowedError,
    MMHIEError,
    ModelNotFoundError,
    NoAnswerError,
    NotFoundError,
    QueueTimeoutError,
    RequestError,
    ServiceError,
    StreamCutError,
    TooBusyError,
    TransportError,
    UnauthorizedError,
)
from mmhie._events import Delta, End, Event, ReasoningDelta
from mmhie._stream import AnswerStream
from mmhie._version import __version__

medical_reasoner = MedicalReasoningLLM.instance()

__all__ = [
    "Answer",
    "AnswerStream",
    "AsyncAnswerStream",
    "AsyncMedicalReasoningLLM",
    "AuditUnavailableError",
    "BadAnswerError",
    "BodyTimeoutError",
    "BodyTooLargeError",
    "ClientTimeoutError",
    "ConfigError",
    "ConnectionFailedError",
    "ConnectionLostError",
    "Delta",
    "DrainingError",
    "EmbeddingsNotServedError",
    "End",
    "EngineCutError",
    "EngineGarbledError",
    "EngineRejectedError",
    "EngineTimeoutError",
    "EngineUnavailableError",
    "Event",
    "ForbiddenError",
    "GatewayError",
    "HeldError",
    "InputTooLongError",
    "InternalError",
    "InvalidRequestError",
    "LLMConfig",
    "LauncherNotFoundError",
    "LocalServerError",
    "LocalStartError",
    "LocalStartTimeoutError",
    "MMHIEError",
    "MedicalReasoningLLM",
    "MethodNotAllowedError",
    "ModelNotFoundError",
    "NoAnswerError",
    "NotFoundError",
    "QueueTimeoutError",
    "ReasoningDelta",
    "RequestError",
    "ServiceError",
    "StreamCutError",
    "TooBusyError",
    "TransportError",
    "UnauthorizedError",
    "Usage",
    "__version__",
    "medical_reasoner",
]
