"""Settings of the audit feed: the FHIR repository that takes the trail's events."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from gateway.settings.audit import AuditSettings
from gateway.settings.base import UserPath, names_host, require_together, url_parts
from gateway.settings.engine import is_unencrypted


def check_server_url(url: str) -> str:
    """Return `http[s]://host[:port][/path]` with nothing that would be ignored."""
    parts = url_parts(url)
    is_host = names_host(parts, "http", "https")
    if not is_host or parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError("must be https://host[:port][/path] or http://…, without user and query")
    return url.rstrip("/")


ServerUrl = Annotated[str, AfterValidator(check_server_url)]


class AuditFeedSettings(AuditSettings):
    audit_fhir_url: ServerUrl | None = Field(
        None,
        description="FHIR R4 server that gets each line of the trail as an AuditEvent (IHE "
        "ITI-20): `https://repository/fhir`.",
    )
    audit_fhir_token_url: ServerUrl | None = Field(
        None,
        description="Where the gateway gets access tokens for it (OAuth 2.0, client credentials).",
    )
    audit_fhir_client_file: UserPath | None = Field(
        None,
        description="File with the client id and, on the next line, its secret or its private key "
        "(JWK with `kid`), which signs: SMART Backend Services.",
    )
    audit_fhir_scope: str | None = Field(
        None,
        min_length=1,
        description="Scope of these tokens, such as `system/AuditEvent.c`.",
    )
    audit_fhir_patient: Literal["pseudonym", "identifier"] = Field(
        "pseudonym",
        description="How its events name patients. `identifier` sends the identifier that the "
        "caller sent; the trail has it sealed with MMHIE_PSEUDONYM_KEY.",
    )


def audit_feed_conflicts(settings: AuditFeedSettings) -> Iterator[tuple[object, str]]:
    url, token_url = settings.audit_fhir_url, settings.audit_fhir_token_url
    client = (token_url, settings.audit_fhir_client_file)
    addresses = [address for address in (url, token_url) if address]
    yield (
        url and not settings.audit_file,
        "MMHIE_AUDIT_FHIR_URL needs MMHIE_AUDIT_FILE, whose lines it sends; set that as well, or "
        "unset it.",
    )
    yield require_together(settings, "audit_fhir_token_url", "audit_fhir_client_file")
    yield (
        any((*client, settings.audit_fhir_scope)) and not url,
        "MMHIE_AUDIT_FHIR_TOKEN_URL, _CLIENT_FILE and _SCOPE need MMHIE_AUDIT_FHIR_URL; set "
        "that as well, or unset them.",
    )
    yield (
        settings.audit_fhir_patient == "identifier" and not (url and settings.pseudonym_key),
        "MMHIE_AUDIT_FHIR_PATIENT=identifier needs MMHIE_AUDIT_FHIR_URL and MMHIE_PSEUDONYM_KEY, "
        "which seals the identifiers in the trail; set both, or unset it.",
    )
    yield (
        settings.env == "production" and any(map(is_unencrypted, addresses)),
        "MMHIE_AUDIT_FHIR_URL or MMHIE_AUDIT_FHIR_TOKEN_URL is plain http to another host, "
        "which is refused when MMHIE_ENV is production; use https://.",
    )
