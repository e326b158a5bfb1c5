"""The gateway's MMHIE_* settings: one constrained, described field each."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import ByteSize, Field, StringConstraints

from gateway.settings.access import AccessSettings, access_conflicts
from gateway.settings.audit import audit_conflicts
from gateway.settings.audit_feed import AuditFeedSettings, audit_feed_conflicts
from gateway.settings.base import (
    A_DAY,
    ENV_FILE,
    PREFIX,
    CommaSeparated,
    SettingsError,
    UserPath,
    build,
    names_of,
    refuse_conflicts,
    refuse_unknown,
    shared_conflicts,
    variables,
)
from gateway.settings.cluster import ClusterSettings, cluster_conflicts
from gateway.settings.engine import EngineSettings, engine_conflicts
from gateway.settings.vault import VaultSettings, vault_conflicts

# Variables that only the launcher or the SDK reads, written by `make docs`.
SIBLING_SETTINGS = Path(__file__).with_name("sibling_settings.txt")

__all__ = ["PREFIX", "GatewaySettings", "SettingsError", "known_names", "load"]


V1_TIMEOUT_S = 600  # as the openai library has it
HostName = Annotated[str, StringConstraints(pattern=r"^(\*|[\w.-]+)$")]


class GatewaySettings(
    AccessSettings,
    ClusterSettings,
    AuditFeedSettings,
    EngineSettings,
    VaultSettings,
):
    """The gateway's settings, read once at start."""

    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Minimum severity that is logged. No level logs patient text."
    )

    console: bool = Field(True, description="Serve the web console at `/`.")
    api_docs: bool | None = Field(
        None, description="Serve the API's interactive page at `/docs`. Unset: in development only."
    )
    allowed_hosts: Annotated[tuple[HostName, ...], CommaSeparated] = Field(
        (),
        description="Names, comma-separated, under which a gateway without keys answers beside "
        "addresses, `localhost` and names without a domain; or `*`.",
    )

    v1_timeout_seconds: float | None = Field(
        None,
        ge=0,
        le=A_DAY,
        description="Timeout of a whole answer on /v1, whose clients expect minutes. Unset: "
        "MMHIE_TIMEOUT_SECONDS where that is set, else 600.",
    )

    stream_format: Literal["sse", "text"] = Field(
        "sse",
        description="Form of a stream of /llm/generate where the `Accept` header asks for none: "
        "server-sent events, or the plain text of the first release.",
    )
    truncate: Literal["none", "left", "right"] = Field(
        "none",
        description="How a prompt that is too long is handled: refused (none), or truncated on "
        "that side.",
    )
    system_prompt: str = Field(
        "You are a medical reasoning assistant",
        description="System message of /llm/generate when the request has no `system` field.",
    )
    model_card: UserPath | None = Field(
        None,
        description="TOML or JSON file with your own description of the model, up to 256 KiB; "
        "/v1/mmhie/model-card shows it as it is.",
    )

    max_connections: int = Field(
        4096, ge=1, description="Maximum open connections per process; further ones get 503."
    )

    max_queue: int = Field(
        256, ge=0, description="Requests that may wait for a slot at the engine."
    )
    queue_timeout_seconds: float = Field(
        10, gt=0, le=A_DAY, description="Longest wait for a slot at the engine before 503."
    )
    max_body_bytes: int = Field(
        2 * 1024 * 1024, ge=1024, description="Maximum size of a request body, in bytes."
    )
    max_memory: ByteSize | None = Field(
        None,
        ge=16 * 1024 * 1024,
        description="Memory for all request bodies and answers held at once, in bytes or as "
        "`512MiB`; over it requests get 503. Workers have equal shares. Unset: half of what the "
        "processes leave of the container's limit, or an eighth of the machine's memory.",
    )
    max_v1_tokens: int | None = Field(
        None,
        ge=1,
        description="Maximum length of an answer on /v1, in tokens, and the default where the path"
        " gets none of the budgets that it reads. Unset: the model's context.",
    )
    max_messages: int = Field(
        1024, ge=1, description="Maximum messages or input items of one /v1 request."
    )
    workers: int = Field(
        1,
        ge=1,
        le=64,
        description="Gateway processes that share the port. Each has an equal share of every limit;"
        " with `MMHIE_REDIS_URL` those of clients are exact.",
    )
    settle_seconds: float = Field(
        0,
        ge=0,
        le=A_DAY,
        description="After SIGTERM, how long to keep serving while /readyz already returns 503.",
    )
    drain_seconds: float = Field(
        20,
        ge=0,
        le=A_DAY,
        description="After SIGTERM, how long requests in flight may take to finish.",
    )

    disclaimer_text: str | None = Field(
        None, min_length=1, description="Replaces the default disclaimer."
    )
    disclaimer_contact: str | None = Field(
        None, min_length=1, description="Line after the disclaimer with a contact."
    )
    disclaimer_language: str = Field(
        "en",
        pattern="^[a-z]{2}(-[A-Z]{2})?$",
        description="Language tag of the disclaimer, notices and errors.",
    )
    hold_file: UserPath = Field(
        Path("~/.local/state/mmhie/hold.json"),
        description="File in which `mmhie hold` records that the model is out of service.",
    )
    notice_threshold: float | None = Field(
        None,
        ge=0.05,
        le=1,
        description="Estimated probability of an emergency from which a passage gets a notice; 1: "
        "none does. Unset: that of the model, in docs/red-flags.md.",
    )
    reasoning: Literal["pass", "hide", "scope"] = Field(
        "pass",
        description="Who may see reasoning: everybody, nobody, or keys with the scope `reasoning`.",
    )
    disclaimer_in_text: Literal["off", "prefix", "suffix", "both"] = Field(
        "off", description="Add the disclaimer to the answer's text on /llm/generate as well."
    )
    disclaimer_in_v1_text: Literal["off", "prefix", "suffix", "both"] = Field(
        "off", description="The same on /v1; never with tools or structured output."
    )
    emergency_contact: str | None = Field(
        None,
        min_length=1,
        description='Whom to call, as red-flag notices and `emergency_note` name it. Unset: "the '
        'ward\'s emergency number" to clinicians, "your local emergency number" to all others, in '
        "the disclaimer's language.",
    )
    crisis_line: str | None = Field(
        None,
        min_length=1,
        description='Crisis line named to patients in the notice on self-harm. Unset: "a crisis '
        "line\", in the disclaimer's language.",
    )
    audience: Literal["clinician", "patient", "off"] = Field(
        "clinician",
        description="Reader of red-flag notices: how they are worded; `off`: no notices.",
    )
    wording_file: Path | None = Field(
        None,
        description="TOML file with all sentences of another language, or reworded: disclaimer, "
        "notices, downtime, errors.",
    )

    def whole_answer_s(self, path: str) -> float:
        """Return the timeout of an answer in one piece on a path of ours."""
        if not path.startswith("/v1/"):
            return self.timeout_seconds
        if self.v1_timeout_seconds is not None:
            return self.v1_timeout_seconds
        return self.timeout_seconds if "timeout_seconds" in self.model_fields_set else V1_TIMEOUT_S

    @property
    def serves_api_docs(self) -> bool:
        return self.env != "production" if self.api_docs is None else self.api_docs


def known_names() -> frozenset[str]:
    """Return every MMHIE_* variable that the gateway, the launcher or the SDK reads."""
    return names_of(GatewaySettings) | set(SIBLING_SETTINGS.read_text("utf-8").split())


def load(
    environ: Mapping[str, str] = os.environ, env_file: Path | None = ENV_FILE
) -> GatewaySettings:
    """Return the settings in an environment and a .env file; raise SettingsError."""
    values = variables(environ, env_file)
    refuse_unknown(values, known_names())
    settings = build(GatewaySettings, values)
    refuse_conflicts(conflicts(settings))
    return settings


def conflicts(settings: GatewaySettings) -> Iterator[tuple[object, str]]:
    """Yield combinations that are refused, each with its sentence."""
    yield from shared_conflicts(settings)
    yield from vault_conflicts(settings)
    yield from access_conflicts(settings)
    yield from cluster_conflicts(settings)
    yield from audit_conflicts(settings)
    yield from audit_feed_conflicts(settings)
    yield from engine_conflicts(settings)
