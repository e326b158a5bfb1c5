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
        "info", description="Minimum severity in the log. No level logs patient text."
    )

    allowed_hosts: Annotated[tuple[HostName, ...], CommaSeparated] = Field(
        (),
        description="Host names under which a gateway without keys answers, too; or `*`.",
    )

    truncate: Literal["none", "left", "right"] = Field(
        "none",
        description="A prompt that is too long is refused (none), or truncated on that side.",
    )
    system_prompt: str = Field(
        "You are a medical reasoning assistant",
        description="System message of /llm/generate if the request has no `system` field.",
    )
    model_card: UserPath | None = Field(
        None,
        description="Your description of the model (TOML or JSON, up to 256 KiB) for "
        "/v1/mmhie/model-card.",
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
        description="Memory for all bodies and answers in progress, such as `512MiB`. Unset: half "
        "of the container's limit without the process, or an eighth of the machine's memory.",
    )
    max_v1_tokens: int | None = Field(
        None,
        ge=1,
        description="Maximum answer on /v1, in tokens, and the default. Unset: the model's "
        "context.",
    )
    settle_seconds: float = Field(
        0,
        ge=0,
        le=A_DAY,
        description="After SIGTERM, time to keep serving while /readyz returns 503.",
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
        description="Probability of an emergency from which a passage gets a notice; 1: none does.",
    )
    reasoning: Literal["pass", "hide", "scope"] = Field(
        "pass",
        description="Who may see reasoning: everybody, nobody, or keys with the scope `reasoning`.",
    )
    disclaimer_in_text: Literal["off", "prefix", "suffix", "both"] = Field(
        "off",
        description="Add notices, disclaimer, `emergency_note` and a cut to the answer's text as "
        "well, for chat pages; never in tool calls or structured output.",
    )
    emergency_contact: str | None = Field(
        None,
        min_length=1,
        description="Whom to call, in red-flag notices and `emergency_note`. Unset: the "
        "ward's or the local emergency number.",
    )
    crisis_line: str | None = Field(
        None,
        min_length=1,
        description='Crisis line in the notice on self-harm to patients. Unset: "a crisis line".',
    )
    audience: Literal["clinician", "patient", "off"] = Field(
        "clinician",
        description="Reader of red-flag notices: how they are worded; `off`: no notices.",
    )
    wording_file: Path | None = Field(
        None,
        description="TOML file with all sentences in another language or wording.",
    )

    def whole_answer_s(self, path: str) -> float:
        """Return the timeout of a whole answer on a path."""
        if not path.startswith("/v1/"):
            return self.timeout_seconds
        return self.timeout_seconds if "timeout_seconds" in self.model_fields_set else V1_TIMEOUT_S


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
    yield from shared_conflicts(settings)
    yield from vault_conflicts(settings)
    yield (
        settings.feedback_file and not settings.audit_key,
        "MMHIE_FEEDBACK_FILE needs MMHIE_AUDIT_KEY, which signs its rows; `openssl rand -hex 32` "
        "makes one.",
    )
    yield from access_conflicts(settings)
    yield from audit_conflicts(settings)
    yield from audit_feed_conflicts(settings)
    yield from engine_conflicts(settings)
    yield from cluster_conflicts(settings, allows_plain=settings.engine_allow_http)
