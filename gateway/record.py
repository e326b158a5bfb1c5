"""The record of one request, which is filled while it is served and observed at its end."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple, Protocol

from gateway.limits.rate_limiter import Release
from gateway.principal import ANYBODY, Principal
from gateway.runtime.json_types import Json

Notice = Mapping[str, str]  # id, type, summary, message, not_triage
BYTES_PER_TOKEN = 4  # of English text in JSON; used only where the engine has not counted
RESERVED_BYTES_PER_TOKEN = 3  # of a prompt until then; English text has more, a table fewer
NO_SLOT = -1  # in the audit's journal of open requests


class Trace(Protocol):
    """The trace of one request. `to_engine` begins the engine's span and returns its traceparent;
    `end` sets the attributes from the record and closes the spans."""

    @property
    def id(self) -> str | None: ...

    def to_engine(self) -> str: ...
    def end(self, record: "RequestRecord") -> None: ...


class Origin(NamedTuple):
    """The provenance and the disclaimer's version, from the first half of the label."""

    provenance: Json
    disclaimer: str


class AnswerTally:
    """Facts about an answer that are filled in while it passes: the engine's `usage`, `pieces` (a
    lower bound of its tokens) and `finals` (the closing labels)."""

    def __init__(self) -> None:
        self.usage: Json | None = None
        self.pieces = 0
        self.finals: list[Json] = []

    def digests(self) -> list[str]:
        """Return the digests of the partial answer; none if only a whole one is sent."""
        return []


class AnswerSummary(NamedTuple):
    """Token counts and, for every choice of the answer, its closing label."""

    prompt_tokens: int
    completion_tokens: int
    truncated: Sequence[str]
    warnings: Sequence[str]
    output_digests: list[str]
    system_fingerprint: str | None = None
    is_estimated: bool = False

    @classmethod
    def of(
        cls,
        tally: AnswerTally,
        *,
        is_partial: bool,
        prompt_estimate: int,
        warnings: Sequence[str],
    ) -> "AnswerSummary":
        """Sum up an answer; `warnings` are those of the prompt. Tokens that the engine has not
        counted are estimated."""
        usage, finals = tally.usage or {}, tally.finals
        digests = tally.digests() if is_partial else []
        seen = (prompt_estimate, tally.pieces)
        counted = (
            token_count(usage, "prompt_tokens", "input_tokens"),
            token_count(usage, "completion_tokens", "output_tokens"),
        )
        tokens = counted if any(counted) else seen
        return cls(
            *tokens,
            [final["truncated"] for final in finals if final["truncated"]],
            [*warnings, *(warning for final in finals for warning in final["warnings"])],
            digests or [final["provenance"]["output_digest"] for final in finals],
            next(
                filter(None, (final["provenance"]["system_fingerprint"] for final in finals)), None
            ),
            is_estimated=not any(counted) and any(seen),
        )


@dataclass(slots=True)
class RequestRecord:
    """One request from its arrival to its end, without any of its text.

    The comments name the part that writes the fields below them; None means "not known". Observers
    read the record after `finish`, never before.
    """

    # Exchange
    request_id: str
    method: str
    address: str | None = None
    declared_bytes: int = 0
    started: float = field(default_factory=time.perf_counter)
    status: int = 0
    outcome: str = "ok"
    reason: str | None = None  # of a refusal, in the gateway's words
    param: str | None = None  # the field that was refused
    ttft_ms: float | None = None
    # Correlation
    own_id: str = ""  # unique, unlike an id that the caller chose
    # Access
    principal: Principal = ANYBODY
    is_token_path: bool = False
    is_audited: bool = False
    trace: Trace | None = None
    traceparent: str | None = None  # the caller's, for the audit trail
    # pipeline
    notices: list[Notice] = field(default_factory=list)
    resolved: Sequence[str] = ()  # ids of notices that a later turn has resolved
    in_setting: Sequence[str] = ()  # ids that only the application's own text raises
    screening_warnings: tuple[str, ...] = ()  # parts of the prompt that were not screened
    language: str | None = None  # of the prompt
    notice_rules: str | None = None  # version of the rules the prompt was screened with
    release: Release | None = None
    journal_slot: int = NO_SLOT
    stream: bool | None = None
    prompt_estimate: int = 0  # tokens, of a request that the engine has accepted
    origin: Origin | None = None
    answer: AnswerSummary | None = None
    # `finish`
    route: str = "none"
    ms: float = 0.0
    ended: float = 0.0  # seconds since 1970

    def elapsed_ms(self) -> float:
        return round((time.perf_counter() - self.started) * 1000, 3)

    def finish(self, route: str) -> None:
        """Close the record; `route` is the path of a declared route, not the caller's text."""
        self.route = route
        self.ms = self.elapsed_ms()
        self.ended = time.time()

    @property
    def tokens(self) -> int:
        """The tokens spent on this request, counted by the engine or estimated."""
        answer = self.answer
        return (
            self.prompt_estimate
            if answer is None
            else answer.prompt_tokens + answer.completion_tokens
        )


def estimated_tokens(size: int) -> int:
    """Estimate the tokens in a number of bytes of JSON."""
    return -(-size // BYTES_PER_TOKEN)


def most_prompt_tokens(size: int, template_tokens: int = 0) -> int:
    """Estimate the most tokens in a prompt of this many bytes of JSON."""
    return template_tokens - -size // RESERVED_BYTES_PER_TOKEN


Observer = Callable[[RequestRecord], None]


def token_count(usage: Mapping[str, object], *names: str) -> int:
    """Return the first valid count, else 0; a wrong value from the engine never ends an answer."""
    for name in names:
        count = usage.get(name)
        if isinstance(count, int) and count > 0:
            return count
    return 0


def release_limits(record: RequestRecord) -> None:
    """Return the request's share of its principal's limits, if it took one."""
    if record.release is not None:
        record.release(tokens=record.tokens)


def rfc3339(unix_s: float) -> str:
    """Format a time as RFC 3339 in UTC, to the millisecond."""
    second, microsecond = divmod(round(unix_s * 1e6), 1_000_000)
    return f"{_to_the_second(second)}.{microsecond // 1000:03d}Z"


@lru_cache(maxsize=8)
def _to_the_second(unix_s: int) -> str:
    """Format whole seconds; cached, since many lines have the same second."""
    return datetime.fromtimestamp(unix_s, tz=UTC).strftime("%Y-%m-%dT%H:%M:%S")
