"""Checks before anything starts: the gateway's settings, the port, room on disk."""

import shutil
import socket
import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from gateway.settings import gateway as gateway_settings
from launcher.errors import NotEnoughMemory, PortTaken, SettingsError
from launcher.models.disk import require_room
from launcher.planning.plan import EnginePlan
from launcher.settings import LauncherSettings, own_errors

LOG_ROOM_BYTES: Final = 200 * 2**20
SHARED_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - the kernel's, not a temporary file
# Docker gives 64 MiB, in which NCCL cannot connect GPUs.
LEAST_SHARED_BYTES: Final = 512 * 2**20
MORE_SHARED: Final = (
    "start the container with --shm-size=8g (compose: shm_size; Kubernetes: an emptyDir of medium "
    "Memory there)"
)


def asks_for_keys() -> bool:
    """Return whether the gateway will answer nobody without a key. Raises SettingsError."""
    settings = load_gateway()
    return bool(settings.keys_file or settings.jwks_file or settings.jwks_url)


def load_gateway() -> gateway_settings.GatewaySettings:
    """Load the gateway's settings: it refuses them, with a SettingsError, only when it starts."""
    with own_errors():
        return gateway_settings.load()


def engine_scheme(settings: LauncherSettings) -> str:
    """Return how an engine serves callers elsewhere, `http` or `https`. Raises SettingsError for a
    certificate that it could not use."""
    certificate = settings.engine_server_certificate
    if certificate is None:
        return "http"
    try:  # OpenSSL would ask for a password at the terminal, and wait
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, password=lambda: "")
    except OSError as error:  # ssl.SSLError is one
        is_format = isinstance(error, ssl.SSLError)
        raise SettingsError(
            "MMHIE_ENGINE_SERVER_CERTIFICATE cannot be used "
            f"({'not a certificate and its key' if is_format else error.strerror}); the file is "
            "PEM, and the key has no password."
        ) from None
    return "https"


def refuse_certificate(settings: LauncherSettings) -> None:
    """Raise SettingsError for a certificate where no engine listens beyond this machine."""
    if settings.engine_server_certificate is not None:
        raise SettingsError(
            "MMHIE_ENGINE_SERVER_CERTIFICATE is for `mmhie engine`: the engine of `mmhie serve` "
            "listens on a private socket. Unset it; MMHIE_TLS_CERTIFICATE is the gateway's."
        )


def check_port(host: str, port: int) -> None:
    """Raise PortTaken when the gateway could not listen there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as attempt:
        attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            attempt.bind((host, port))
        except OSError as error:
            raise PortTaken(
                f"Port {port} on {host} cannot be used ({error.strerror}): stop the program that "
                "listens there, or set MMHIE_PORT to another port."
            ) from error


def check_shared_memory(plans: Sequence[EnginePlan], folder: Path = SHARED_MEMORY) -> None:
    """Raise NotEnoughMemory where an engine on several GPUs has too little to connect them."""
    is_needed = any(plan.device == "cuda" and plan.sizes.devices > 1 for plan in plans)
    size = shutil.disk_usage(folder).total if is_needed and folder.is_dir() else None
    if size is not None and size < LEAST_SHARED_BYTES:
        raise NotEnoughMemory(
            f"{folder} has {size / 2**20:.0f} MiB, and an engine on several GPUs needs more: "
            f"{MORE_SHARED}."
        )


def check_room(cache: Path, needed: int = LOG_ROOM_BYTES) -> int:
    """Return the free bytes; raise NotEnoughDisk when they are fewer than needed."""
    return require_room(cache, needed, f"{needed / 2**20:.0f} MiB are needed")
