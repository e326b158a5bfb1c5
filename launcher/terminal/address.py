"""Address and key of the service that a command talks to."""

import os
from typing import Annotated

import typer

from gateway.settings.base import ENV_FILE, local_url, read_env_file
from gateway.settings.gateway import SettingsError, load
from launcher.terminal.api_client import ApiClient

Url = Annotated[
    str | None,
    typer.Option(
        envvar="MMHIE_URL",
        show_envvar=False,
        help="Address of the gateway, or `unix:/path`; default: that of these settings.",
    ),
]
Key = Annotated[
    str | None,
    typer.Option(
        envvar="MMHIE_API_KEY",
        show_envvar=False,
        help="Access key; on the command line it is visible to other users of this machine.",
    ),
]
DEFAULT = "http://127.0.0.1:8000"


def open_client(url: str | None, key: str | None) -> ApiClient:
    """Return a client for this address and key, by default the configured ones. Raises
    LauncherError."""
    return ApiClient(address(url), access_key(key))


def access_key(key: str | None) -> str | None:
    """Return this key, else that of the environment or of `.env`."""
    return key or read_variables().get("MMHIE_API_KEY")


def address(url: str | None) -> str:
    """Return this address, else MMHIE_URL, else that of the gateway with these settings, or the
    default if they are invalid."""
    if named := url or read_variables().get("MMHIE_URL"):
        return named
    try:
        settings = load()
    except SettingsError:
        return DEFAULT
    return local_url(settings.host, settings.port, has_tls=settings.tls_certificate is not None)


def read_variables() -> dict[str, str]:
    """Return the variables of `.env` and of the environment, which win."""
    return {**read_env_file(ENV_FILE), **os.environ}
