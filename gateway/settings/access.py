"""Settings of access: keys, tokens, web pages, certificates, and how much a client may ask."""

import re
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints

from gateway.settings.base import CommaSeparated, SharedSettings, UserPath, require_together

OWN_HEADERS = "api-key$|request-id$|mmhie-"  # else a key could be recorded as a user's name


def check_user_header(name: str) -> str:
    """Return the name of a header in which a front end forwards its user."""
    if not re.fullmatch(rf"[Xx]-(?!(?i:{OWN_HEADERS}))[A-Za-z0-9-]+", name):
        raise ValueError("must begin with X- and be no header that the gateway itself reads")
    return name


UserHeader = Annotated[str, AfterValidator(check_user_header)]
Origin = Annotated[str, StringConstraints(pattern=r"^(\*|https?://[^/\s,]+)$")]


class AccessSettings(SharedSettings):
    keys_file: UserPath | None = Field(
        None, description="Access keys, as written by `mmhie keys`. Unset: no keys."
    )
    jwks_file: UserPath | None = Field(
        None, description="JSON Web Key Set that verifies tokens (RS256, ES256)."
    )
    jwks_url: str | None = Field(
        None,
        pattern=r"^https://|^http://(localhost|127\.0\.0\.1|\[::1\])[:/]",
        description="https URL of a JWKS, fetched in the background.",
    )
    jwt_issuer: str | None = Field(
        None, min_length=1, description="Required `iss` claim of a token; needed with a JWKS."
    )
    jwt_audience: str | None = Field(
        None, min_length=1, description="Required `aud` claim of a token; needed with a JWKS."
    )
    jwt_user_claims: Annotated[tuple[str, ...], CommaSeparated] = Field(
        ("fhirUser", "sub"),
        description="Claims that name the person who asks. A path is `a.b`.",
    )
    jwt_patient_claims: Annotated[tuple[str, ...], CommaSeparated] = Field(
        ("patient", "extensions.ihe_iua.person_id"),
        description="Claims that name the patient.",
    )
    jwt_purpose_claims: Annotated[tuple[str, ...], CommaSeparated] = Field(
        ("purpose_of_use", "extensions.ihe_iua.purpose_of_use"),
        description="Claims with the purpose of use (HL7's PurposeOfUse).",
    )
    purposes_file: UserPath | None = Field(
        None, description="TOML file that maps a site's own purposes of use to HL7's."
    )
    user_headers: Annotated[tuple[UserHeader, ...], CommaSeparated] = Field(
        (),
        description="Headers in which a front end names the person (X-OpenWebUI-User-Email).",
    )
    required_context: Annotated[tuple[Literal["user", "purpose"], ...], CommaSeparated] = Field(
        (),
        description="What every request to the model has to name: `user`, `purpose`, or both.",
    )
    cors_origins: Annotated[tuple[Origin, ...], CommaSeparated] = Field(
        (),
        description="Origins of web pages that may call the API, `https://host`; or `*`.",
    )
    tls_certificate: UserPath | None = Field(
        None, description="Certificate chain (PEM); enables HTTPS."
    )
    tls_key: UserPath | None = Field(
        None, description="Private key of that certificate (PEM, no password)."
    )
    tls_client_ca: UserPath | None = Field(
        None,
        description="CA (PEM) of the clients' certificates; enables mutual TLS.",
    )
    client_concurrency: int | None = Field(
        None, ge=1, description="Concurrent requests per client whose key sets no limit."
    )
    client_requests_per_minute: int | None = Field(
        None, ge=1, description="The same for requests per minute."
    )
    client_tokens_per_minute: int | None = Field(
        None,
        ge=1,
        description="The same for tokens per minute, prompt and answer.",
    )


def access_conflicts(settings: AccessSettings) -> Iterator[tuple[object, str]]:
    is_production = settings.env == "production"
    signed = settings.jwks_file or settings.jwks_url
    yield (
        is_production and not (settings.keys_file or signed),
        "MMHIE_ENV is production and no keys are configured; set MMHIE_KEYS_FILE (`mmhie keys "
        "new` makes one), MMHIE_JWKS_FILE or MMHIE_JWKS_URL.",
    )
    yield (
        (settings.required_context or settings.user_headers) and not (settings.keys_file or signed),
        "MMHIE_REQUIRED_CONTEXT and MMHIE_USER_HEADERS need keys or tokens, since no other caller "
        "can say who asks; set MMHIE_KEYS_FILE, MMHIE_JWKS_FILE or "
        "MMHIE_JWKS_URL.",
    )
    yield (
        is_production and "*" in settings.cors_origins,
        "MMHIE_CORS_ORIGINS is refused with `*` when MMHIE_ENV is production; name the origins.",
    )
    yield require_together(settings, "tls_certificate", "tls_key")
    yield (
        settings.tls_client_ca and not settings.tls_certificate,
        "MMHIE_TLS_CLIENT_CA needs MMHIE_TLS_CERTIFICATE and MMHIE_TLS_KEY; set them as well.",
    )
    yield (
        settings.jwks_file and settings.jwks_url,
        "MMHIE_JWKS_FILE and MMHIE_JWKS_URL are both set; unset one.",
    )
    yield (
        signed and not (settings.jwt_issuer and settings.jwt_audience),
        "MMHIE_JWT_ISSUER and MMHIE_JWT_AUDIENCE must be set with a JWKS, else tokens for other "
        "audiences are accepted.",
    )
