"""Base of the sync and the async client: everything but the I/O."""

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, NoReturn, Protocol, Self, cast

from mmhie import _fork
from mmhie._config import LLMConfig
from mmhie._errors import ConfigError
from mmhie._options import Options
from mmhie._response import Response, read_model_ids
from mmhie._retry import Backoff, Polling
from mmhie._text import warn_caller

if TYPE_CHECKING:
    from mmhie._local import LocalServer

NO_EMBEDDINGS = (
    "This is a causal language model and serves no embeddings; use the dedicated embedder "
    "in mm-hie-core/shared/embeddings."
)

LOWERED = (
    "max_tokens={asked} is lowered to {cap}, the maximum here; set MMHIE_MAX_TOKENS or "
    "LLMConfig(max_tokens=) higher, and MMHIE_MAX_TOKENS of the server."
)

_INSTANCES: dict[type, "BaseClient"] = {}


def forget() -> None:
    """Make the instances of this process read their configuration again at the next request."""
    for instance in _INSTANCES.values():
        instance.forget()


class Pool(Protocol):
    """Open connections."""

    def forget(self) -> None:
        """Close what can be closed here."""


class BaseClient:
    """Configuration, limits and the local server; constructing one touches nothing."""

    _pool: ClassVar[type[Pool]]
    _connections: Pool

    def __init__(
        self,
        config: LLMConfig | str | None = None,
        *,
        url: str | None = None,
        max_retries: int = 2,
    ) -> None:
        self.max_retries = max_retries
        self._url = config if isinstance(config, str) else url
        self._config = None if isinstance(config, str) else config
        if self._config is not None and url is not None:
            raise ConfigError("Give an LLMConfig, which has its url, or a url; not both.")
        self._local: LocalServer | None = None
        self._model_id: str | None = None
        self._connections = self._pool()
        _fork.track(self)

    @classmethod
    def instance(cls) -> Self:
        """Return the one instance of this process, configured from the environment at first use."""
        # dict.setdefault is atomic, so two threads get the same one without a lock to fork with
        return cast(Self, _INSTANCES.get(cls) or _INSTANCES.setdefault(cls, cls()))

    @property
    def config(self) -> LLMConfig:
        """The configuration, by default that of the environment; a given url wins.

        Raises ConfigError.
        """
        config = self._config
        if config is None:
            config = LLMConfig.from_env()
            if self._url is not None:
                config = replace(config, url=self._url)
            self._config = config  # only now: another thread must never see the other url
        return config

    def embed(self, text: object) -> NoReturn:
        """Raise NotImplementedError, which names the dedicated embedder."""
        raise NotImplementedError(NO_EMBEDDINGS)

    def forget(self) -> None:
        """Forget the configuration, the model's id, the connections and the local server."""
        self._connections.forget()
        self._config = self._model_id = self._local = None

    def renew_after_fork(self) -> None:
        """Start afresh in a forked child: two processes must not share a connection."""
        _fork.keep(self._connections)
        self._connections = self._pool()

    def _local_server(self) -> "LocalServer":
        from mmhie import _local  # lazily: subprocess and sockets are for this backend only

        self._local = self._local or _local.server_for(self.config)
        return self._local

    def _backoff(self, options: Options) -> Backoff:
        return Backoff(self.max_retries, self._timeout(options))

    def _timeout(self, options: Options) -> float:
        return options.timeout_seconds or self.config.timeout_seconds

    def _polling(self, timeout_seconds: float | None) -> Polling:
        default = self.config.start_timeout_seconds
        return Polling(default if timeout_seconds is None else timeout_seconds)

    def _cap(self, max_tokens: int | None) -> int:
        """Return max_tokens within MMHIE_MAX_TOKENS, which is also the default; warn of a cut."""
        cap = self.config.max_tokens
        if max_tokens is None or max_tokens <= cap:
            return cap if max_tokens is None else max_tokens
        warn_caller(LOWERED.format(asked=max_tokens, cap=cap), UserWarning)
        return cap

    def _choose_model(self, listed: Response) -> str:
        """Return the configured model if it is served, else the server's first."""
        served, wanted = read_model_ids(listed), self.config.model_name
        self._model_id = wanted if wanted in served else served[0]
        return self._model_id
