"""Settings of the answer vault: its folder, the key it is sealed to, and how long answers stay."""

from collections.abc import Iterator

from pydantic import Field

from gateway.settings.base import SharedSettings, UserPath, require_together


class VaultSettings(SharedSettings):
    """Part of the gateway's settings."""

    vault_dir: UserPath | None = Field(
        None,
        description="Folder of the answer vault: each request and the text of its answer, sealed. "
        "Unset: no text is kept.",
    )
    vault_public_key: UserPath | None = Field(
        None,
        description="PEM file of the X25519 public key that seals the vault (`openssl pkey -in KEY "
        "-pubout`); the private key stays with who may read it.",
    )
    vault_days: int = Field(
        3650,
        ge=1,
        le=36_500,
        description="Days, in UTC, after which an answer in the vault is erased.",
    )


def vault_conflicts(settings: VaultSettings) -> Iterator[tuple[object, str]]:
    """Yield the combination that is refused, with its sentence."""
    yield require_together(settings, "vault_dir", "vault_public_key")
