"""What the sync and the async client share: everything but the I/O."""

import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NoReturn, Self, cast

from mmhie import _fork
from mmhie._call import Call, chat_call, generate_call
from mmhie._config import LLMConfig
from mmhie._http import Address
from mmhie._pause import Patience

if TYPE_CHECKING:
    from mmhie._local import LocalServer

# The server's own 504 should arrive first, so we wait longer than it does: its wait for a place
# at the engine (10 s by default) comes on top of MMHIE_TIMEOUT_SECONDS.
MARGIN_SECONDS = 15.0
NO_EMBEDDINGS = (
    "This is a causal language model and serves no embeddings; use the dedicated embedder "
    "in mm-hie-core/shared/embeddings."
)

_INSTANCES: dict[type, "Caller"] = {}


def forget() -> None:
    """Have the instances of this process read their configuration again at the next question."""
    for instance in _INSTANCES.values():
        instance.forget()


class Caller:
    """Configuration, limits and the local server; constructing one touches nothing."""

    def __init__(
        self,
        config: LLMConfig | None = None,
        *,
        max_retries: int = 2,
        margin_seconds: float = MARGIN_SECONDS,
    ) -> None:
        self.max_retries = max_retries
        self.margin_seconds = margin_seconds
        self._config = config
        self._lock = threading.Lock()
        self._local: LocalServer | None = None
        self._model_id: str | None = None
        _fork.track(self)

    @classmethod
    def instance(cls) -> Self:
        """The one instance of this process, configured by the environment at its first use."""
        # dict.setdefault is atomic, so two threads get the same one without a lock to fork with
        return cast(Self, _INSTANCES.get(cls) or _INSTANCES.setdefault(cls, cls()))

    @property
    def config(self) -> LLMConfig:
        """The configuration; read from the environment when none was given. Raises ConfigError."""
        if self._config is None:
            self._config = LLMConfig.from_env()
        return self._config

    def embed(self, text: object) -> NoReturn:
        """Raise NotImplementedError, which says where embeddings come from."""
        raise NotImplementedError(NO_EMBEDDINGS)

    def forget(self) -> None:
        """Forget a configuration that came from the environment, and what it led to."""
        self._release_local_server()
        self._config = self._model_id = None

    def renew_after_fork(self) -> None:
        """Start afresh in a forked child, leaving the parent's connections alone."""
        self._lock = threading.Lock()

    def _address(self) -> Address:
        """Where the server is; starts it when the backend is `local` and it does not run."""
        if self.config.backend == "remote":
            return Address.of(self.config.url)
        return Address.of(self._local_server().url())

    def _local_server(self) -> "LocalServer":
        from mmhie import _local  # lazily: subprocess and sockets are for this backend only

        with self._lock:
            if self._local is None:
                self._local = _local.acquire(self.config)
            return self._local

    def _release_local_server(self) -> None:
        with self._lock:
            server, self._local = self._local, None
        if server is not None:
            server.release()

    def _patience(self) -> Patience:
        return Patience(self.max_retries, self._longest_wait())

    def _warm_up_patience(self, timeout_seconds: float | None) -> Patience:
        limit = self.config.start_timeout_seconds if timeout_seconds is None else timeout_seconds
        return Patience(0, limit)

    def _longest_wait(self) -> float:
        return self.config.timeout_seconds + self.margin_seconds

    def _cap(self, max_tokens: int | None) -> int:
        """MMHIE_MAX_TOKENS is the default and the cap, as it always was."""
        cap = self.config.max_tokens
        return cap if max_tokens is None else min(max_tokens, cap)

    def _generate_call(
        self,
        prompt: str,
        max_tokens: int | None,
        temperature: float,
        options: Mapping[str, object],
        *,
        stream: bool,
    ) -> Call:
        return generate_call(prompt, self._cap(max_tokens), temperature, options, stream=stream)

    def _chat_call(
        self,
        messages: Sequence[Mapping[str, object]],
        model: str,
        max_tokens: int | None,
        temperature: float,
        options: Mapping[str, object],
    ) -> Call:
        return chat_call(messages, model, self._cap(max_tokens), temperature, options)

    def _choose_model(self, served: Sequence[str]) -> str:
        """The configured model where it is served, else the server's first."""
        wanted = self.config.model_name
        self._model_id = wanted if wanted in served else served[0]
        return self._model_id
