"""Base of the sync and the async client: everything but the I/O."""

from typing import Self, cast

from mmhie._config import LLMConfig
from mmhie._request import Request
from mmhie._text import warn_caller

LOWERED = (
    "max_tokens={asked} is lowered to {cap}, the maximum here; set MMHIE_MAX_TOKENS or "
    "LLMConfig(max_tokens=) higher, and MMHIE_MAX_TOKENS of the server."
)

_INSTANCES: dict[type, "BaseClient"] = {}


class BaseClient:
    """Configuration and limits; constructing one touches nothing."""

    def __init__(self, config: LLMConfig | None = None, *, max_retries: int = 2) -> None:
        self.max_retries = max_retries
        self._config = config

    @classmethod
    def instance(cls) -> Self:
        """Return the one instance of this process, configured from the environment at first use."""
        # dict.setdefault is atomic, so two threads get the same one
        return cast(Self, _INSTANCES.get(cls) or _INSTANCES.setdefault(cls, cls()))

    @property
    def config(self) -> LLMConfig:
        """The configuration, by default that of the environment. Raises ConfigError."""
        if self._config is None:
            self._config = LLMConfig.from_env()
        return self._config

    def _seconds(self, request: Request) -> float:
        given = request.timeout_seconds
        return self.config.timeout_seconds if given is None else given

    def _cap(self, max_tokens: int | None) -> int:
        """Return max_tokens within MMHIE_MAX_TOKENS, which is also the default; warn of a cut."""
        cap = self.config.max_tokens
        if max_tokens is None or max_tokens <= cap:
            return cap if max_tokens is None else max_tokens
        warn_caller(LOWERED.format(asked=max_tokens, cap=cap), UserWarning)
        return cap
