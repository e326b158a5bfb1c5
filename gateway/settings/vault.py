"""Settings of the answer vault and of feedback on answers: one key seals the texts of both."""

from collections.abc import Iterator

from pydantic import Field

from gateway.settings.base import SharedSettings, UserPath


class VaultSettings(SharedSettings):
    vault_dir: UserPath | None = Field(
        None,
        description="Folder of the answer vault. Unset: no text is kept.",
    )
    vault_public_key: UserPath | None = Field(
        None,
        description="X25519 public key (PEM) that seals the vault and the texts of feedback. "
        "Unset: feedback with a text is refused.",
    )
    vault_days: int = Field(
        3650,
        ge=1,
        le=36_500,
        description="Days (UTC) after which an answer in the vault is erased.",
    )
    feedback_file: UserPath | None = Field(
        None,
        description="Database (SQLite) of feedback; needs MMHIE_AUDIT_KEY. Unset: feedback is not "
        "taken.",
    )


def vault_conflicts(settings: VaultSettings) -> Iterator[tuple[object, str]]:
    yield (
        settings.vault_dir and not settings.vault_public_key,
        "MMHIE_VAULT_DIR needs MMHIE_VAULT_PUBLIC_KEY, the key that seals it; set that as well.",
    )
    yield (
        settings.vault_public_key and not (settings.vault_dir or settings.feedback_file),
        "MMHIE_VAULT_PUBLIC_KEY seals nothing yet: set MMHIE_VAULT_DIR, MMHIE_FEEDBACK_FILE, or "
        "both.",
    )
