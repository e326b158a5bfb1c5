"""
Client of the MM-HIE medical reasoning service.

Model outputs are not clinical advice. They must not be used for diagnosis or treatment decisions
without review by a licensed clinician.
"""

from mmhie._answer import Answer, Delta, End, Event, Notice, Provenance, ReasoningDelta, Usage
from mmhie._async_client import AsyncAnswerStream, AsyncMedicalReasoningLLM
from mmhie._client import AnswerStream, MedicalReasoningLLM
from mmhie._config import LLMConfig
from mmhie._errors import (
    AccessError,
    BusyError,
    ConfigError,
    ConnectionFailedError,
    IncompleteAnswerError,
    MMHIEError,
    RequestError,
    ServiceTimeoutError,
    UnavailableError,
)
from mmhie._feedback import FeedbackReceipt
from mmhie._text import MedicalText, MedicalTextWarning
from mmhie._version import __version__

medical_reasoner = MedicalReasoningLLM.instance()

__all__ = [
    "AccessError",
    "Answer",
    "AnswerStream",
    "AsyncAnswerStream",
    "AsyncMedicalReasoningLLM",
    "BusyError",
    "ConfigError",
    "ConnectionFailedError",
    "Delta",
    "End",
    "Event",
    "FeedbackReceipt",
    "IncompleteAnswerError",
    "LLMConfig",
    "MMHIEError",
    "MedicalReasoningLLM",
    "MedicalText",
    "MedicalTextWarning",
    "Notice",
    "Provenance",
    "ReasoningDelta",
    "RequestError",
    "ServiceTimeoutError",
    "UnavailableError",
    "Usage",
    "__version__",
    "medical_reasoner",
]
