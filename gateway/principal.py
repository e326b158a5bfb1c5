"""Who is asking: the one noun for a caller, whether a key or a token brought it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

Scope = Literal["generate", "openai", "reasoning", "metrics", "admin"]
Priority = Literal["emergency", "routine", "batch"]
Kind = Literal["open", "key", "jwt"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
# To vLLM a lower number is sooner, and 0 is what a request that says nothing has.
ENGINE_PRIORITIES: Mapping[Priority, int] = {"emergency": -1, "routine": 0, "batch": 1}
PRIORITIES: tuple[Priority, ...] = get_args(Priority)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one client may use; None is no limit."""

    concurrency: int | None = None
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None

    def otherwise(self, default: "Limits") -> "Limits":
        """These, and the default's where there is none."""
        return Limits(
            self.concurrency or default.concurrency,
            self.requests_per_minute or default.requests_per_minute,
            self.tokens_per_minute or default.tokens_per_minute,
        )


NO_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller that was let in; `name` is a key's name or a token's subject, never a secret."""

    name: str
    kind: Kind
    scopes: frozenset[str]
    priority: Priority = "routine"
    limits: Limits = field(default=NO_LIMITS)
    expires: float | None = None  # unix seconds

    @property
    def id(self) -> str:
        """Unique among all clients: a key may be named like a token's subject."""
        return f"{self.kind}:{self.name}"

    def may(self, scope: Scope) -> bool:
        return scope in self.scopes

    def is_expired(self, now: float) -> bool:
        return self.expires is not None and self.expires <= now


# Everything but what is asked for by name: where reasoning is shown to a scope, it needs a key.
ANYBODY = Principal("anybody", "open", frozenset({"generate", "openai", "metrics"}))
