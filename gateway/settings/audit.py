"""Settings of the audit trail: its file and its key."""

from collections.abc import Iterator
from typing import Literal

from pydantic import Field, SecretStr

from gateway.settings.base import SharedSettings, UserPath


class AuditSettings(SharedSettings):
    audit_file: UserPath | None = Field(
        None, description="Audit trail, one JSON line per request. Unset: none."
    )
    audit_key: SecretStr | None = Field(
        None,
        min_length=32,
        description="Key of the trail's HMAC chain, at least 32 characters; needed with "
        "MMHIE_AUDIT_FILE.",
    )
    pseudonym_key: SecretStr | None = Field(
        None,
        min_length=32,
        description="Key of the patients' pseudonyms, at least 32 characters. Unset: "
        "MMHIE_AUDIT_KEY is, and whoever verifies the trail can find patients by their numbers.",
    )
    without_audit: bool = Field(
        False,
        description="Start in production without an audit trail or MMHIE_DIGEST_KEY. Nobody "
        "can show later what was answered.",
    )
    digest_key: SecretStr | None = Field(
        None,
        min_length=32,
        description="HMAC key of the digests in provenance, at least 32 characters. Unset: a "
        "new one at each start, which production refuses.",
    )
    signing_key_file: UserPath | None = Field(
        None,
        description="Ed25519 private key (PEM) that signs labels and checkpoints. Unset: neither "
        "is signed.",
    )
    audit_on_failure: Literal["refuse", "serve"] = Field(
        "refuse",
        description="While the trail cannot be written: refuse requests with 503, or serve.",
    )


def audit_conflicts(settings: AuditSettings) -> Iterator[tuple[object, str]]:
    is_required = settings.env == "production" and not settings.without_audit
    yield (
        is_required and not settings.audit_file,
        "MMHIE_ENV is production and there is no audit trail; set MMHIE_AUDIT_FILE and "
        "MMHIE_AUDIT_KEY, or MMHIE_WITHOUT_AUDIT=true to do without.",
    )
    yield (
        is_required and not settings.digest_key,
        "MMHIE_ENV is production and MMHIE_DIGEST_KEY is not set: after a restart no copy could be "
        "compared with what was answered; set it (`openssl rand -hex 32`), or "
        "MMHIE_WITHOUT_AUDIT=true to do without.",
    )
    yield (
        settings.audit_file and not settings.audit_key,
        "MMHIE_AUDIT_KEY must be set with MMHIE_AUDIT_FILE; `openssl rand -hex 32` makes one.",
    )
    yield (
        settings.pseudonym_key and settings.pseudonym_key == settings.audit_key,
        "MMHIE_PSEUDONYM_KEY is MMHIE_AUDIT_KEY; make another one (`openssl rand -hex 32`), or "
        "unset it.",
    )
