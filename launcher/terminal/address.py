"""The service that a command talks to: as given, else as the settings have it."""

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


def client_of(url: str | None, key: str | None) -> ApiClient:
    """Return a client for this address and key; what is not given, `.env` may have. Raises
    LauncherError for an address that is none."""
    return ApiClient(address(url), access_key(key))


def access_key(key: str | None) -> str | None:
    """Return this key, or where none is given that of the environment or of `.env`."""
    return key or given().get("MMHIE_API_KEY")


def address(url: str | None) -> str:
    """Return this address, else MMHIE_URL, else that of the gateway that would be started here;
    the default where that would not start."""
    if named := url or given().get("MMHIE_URL"):
        return named
    try:
        settings = load()
    except SettingsError:
        return DEFAULT
    return local_url(settings.host, settings.port, has_tls=settings.tls_certificate is not None)


def given() -> dict[str, str]:
    """Return the variables of `.env`, and over them those of the environment."""
    return {**read_env_file(ENV_FILE), **os.environ}
