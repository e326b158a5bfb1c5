"""Settings of the way to the engine, and of TLS to other servers."""

import ipaddress
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr

from gateway.settings.base import (
    SharedSettings,
    TlsFiles,
    UserPath,
    names_host,
    url_parts,
)

PREFIX = re.compile(r"(/[\w~%-][\w.~%-]*)*/?", re.ASCII)  # no `.` or `..`: servers resolve them


def check_engine_url(url: str) -> str:
    """Return `http[s]://host[:port][/path]` or `unix:/path` with nothing that would be ignored."""
    parts = url_parts(url)
    is_socket = parts.scheme == "unix" and parts.path.startswith("/") and not parts.netloc
    is_host = names_host(parts, "http", "https") and PREFIX.fullmatch(parts.path)
    if not (is_socket or is_host) or parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError("must be http[s]://host:port[/path] or unix:/path")
    if is_host and parts.path.rstrip("/").endswith("/v1"):
        raise ValueError("must be without /v1, which the gateway adds")
    return url


EngineUrl = Annotated[str, AfterValidator(check_engine_url)]


class EngineSettings(SharedSettings):
    engine_url: EngineUrl = Field(
        "http://127.0.0.1:8001",
        description="Address of the engine or its router: `http[s]://host:port`, with the path "
        "that precedes `/v1` if there is one, or `unix:/path`.",
    )
    engine_api_key: SecretStr | None = Field(
        None, description="Bearer key of the engine. The launcher makes a random one."
    )
    ca_file: UserPath | None = Field(
        None,
        description="CAs (PEM) of engine, Redis and FHIR server. Unset: the system's.",
    )
    client_certificate: UserPath | None = Field(
        None,
        description="Certificate chain and key (PEM, no password) that the gateway shows to the "
        "engine and the FHIR server.",
    )
    engine_allow_http: bool = Field(
        False,
        description="Allow `http://` to an engine and `redis://` on another host in production. "
        "Patient text then crosses that network unencrypted.",
    )
    phase_file: Path | None = Field(
        None,
        description="Status file with the engine's phase. Set by `mmhie serve`.",
    )

    @property
    def client_tls(self) -> TlsFiles:
        return TlsFiles(self.ca_file, self.client_certificate)

    @property
    def engine_health_path(self) -> str:
        """The path that returns 200 while the engine, or vLLM's router before several, serves."""
        return "/readiness" if self.engine_urls else "/health"


def is_unencrypted(url: str) -> bool:
    """Return whether a URL is plain HTTP to another host."""
    parts = urlsplit(url)
    return parts.scheme == "http" and not is_loopback(parts.hostname or "")


def is_loopback(host: str) -> bool:
    """Return whether a name or address is of this machine for certain."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def engine_conflicts(settings: EngineSettings) -> Iterator[tuple[object, str]]:
    is_strict = settings.env == "production" and not settings.engine_allow_http
    for name, urls in (
        ("MMHIE_ENGINE_URL", (settings.engine_url,)),
        ("MMHIE_ENGINE_URLS", settings.engine_urls),
    ):
        yield (
            is_strict and any(map(is_unencrypted, urls)),
            f"{name} is plain http to another host, which is refused when MMHIE_ENV is production; "
            "use https://, or set MMHIE_ENGINE_ALLOW_HTTP=true where the network encrypts.",
        )
