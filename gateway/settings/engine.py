"""Settings of the way to the engine: its addresses, its key, and TLS on the way."""

import ipaddress
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr

from gateway.settings.base import (
    CommaSeparated,
    SharedSettings,
    TlsFiles,
    UserPath,
    names_host,
    require_together,
    url_parts,
)


def check_engine_url(url: str) -> str:
    """Return `http[s]://host[:port]` or `unix:/path` with nothing that would be ignored."""
    parts = url_parts(url)
    is_socket = parts.scheme == "unix" and parts.path.startswith("/") and not parts.netloc
    is_host = names_host(parts, "http", "https") and parts.path in ("", "/")
    if not (is_socket or is_host) or parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError("must be http[s]://host:port or unix:/path")
    return url


EngineUrl = Annotated[str, AfterValidator(check_engine_url)]


class EngineSettings(SharedSettings):
    """Part of the gateway's settings."""

    engine_url: EngineUrl = Field(
        "http://127.0.0.1:8001",
        description="Address of the engine or its router: `http://host:port`, "
        "`https://host:port` or `unix:/path`.",
    )
    engine_api_key: SecretStr | None = Field(
        None, description="Bearer key of the engine. The launcher makes a random one."
    )
    engine_health_path: str = Field(
        "/health",
        pattern=r"^/[\w./-]*$",
        description="Path that returns 200 while the engine can serve; vLLM's router has "
        "`/readiness`.",
    )
    engine_metrics_urls: Annotated[tuple[EngineUrl, ...], CommaSeparated] = Field(
        (),
        description="Engines behind a router, comma-separated, for /metrics.",
    )
    engine_tls_ca: UserPath | None = Field(
        None, description="CA of the engine's certificate (PEM). Unset: the system's CAs."
    )
    engine_tls_certificate: UserPath | None = Field(
        None, description="Certificate chain (PEM) that the gateway shows the engine."
    )
    engine_tls_key: UserPath | None = Field(
        None, description="Private key of that certificate (PEM, no password)."
    )
    engine_allow_http: bool = Field(
        False,
        description="Allow `http://` to an engine on another host in production. Patient text "
        "then crosses that network unencrypted.",
    )
    phase_file: Path | None = Field(
        None,
        description="Status file with the engine's phase. Set by `mmhie serve`.",
    )

    @property
    def engine_tls(self) -> TlsFiles:
        files = self.engine_tls_ca, self.engine_tls_certificate, self.engine_tls_key
        return TlsFiles("ENGINE", *files)

    @property
    def engine_addresses(self) -> dict[str, tuple[str, ...]]:
        """Every address of an engine, by its setting."""
        return {
            "MMHIE_ENGINE_URL": (self.engine_url,),
            "MMHIE_ENGINE_METRICS_URLS": self.engine_metrics_urls,
        }


def is_encrypted(url: str) -> bool:
    return urlsplit(url).scheme == "https"


def is_plain_elsewhere(url: str) -> bool:
    """Return whether a URL is of plain HTTP to another host."""
    parts = urlsplit(url)
    return parts.scheme == "http" and not is_loopback(parts.hostname or "")


def require_https(files: TlsFiles, urls: Iterable[str]) -> tuple[object, str]:
    """Return the refusal of files of TLS where no address uses it."""
    return any(files[1:]) and not any(map(is_encrypted, urls)), (
        f"MMHIE_{files.server}_TLS_CA, _CERTIFICATE and _KEY need a MMHIE_{files.server}_URL with "
        "https://; set that, or unset them."
    )


def is_loopback(host: str) -> bool:
    """Return whether a name or address is of this machine for certain."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def engine_conflicts(settings: EngineSettings) -> Iterator[tuple[object, str]]:
    """Yield combinations that are refused, each with its sentence."""
    addresses = settings.engine_addresses
    yield require_together(settings, "engine_tls_certificate", "engine_tls_key")
    yield require_https(settings.engine_tls, chain(*addresses.values()))
    for name, urls in addresses.items():
        yield (
            settings.env == "production"
            and not settings.engine_allow_http
            and any(map(is_plain_elsewhere, urls)),
            f"{name} is plain http to another host, which is refused when MMHIE_ENV is production; "
            "use https://, or set MMHIE_ENGINE_ALLOW_HTTP=true where the network encrypts.",
        )
