"""`mmhie hold` and `mmhie release`: the operator's switch, noted where gateways look.

That is Redis where one is configured, for all gateways; else a file, for those of this machine.
"""

from __future__ import annotations

import getpass
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from gateway import settings as gateway_settings
from gateway.audit.file import ChainBroken
from gateway.audit.setup import append_event
from gateway.cluster import operator_commands
from gateway.safety import hold as holds
from gateway.timestamps import rfc3339
from launcher.cli.output import AsJson, put
from launcher.errors import LauncherError

Reason = Annotated[str, typer.Option(help="Why; every caller reads it, so nothing of a patient.")]
By = Annotated[str | None, typer.Option(help="Who decided; default: the user who runs this.")]


class HoldError(LauncherError):
    """The hold cannot be noted or ended."""


def hold(reason: Reason, by: By = None, as_json: AsJson = False) -> None:
    """Take the model out of service: model routes answer 503, the gateway stays up."""
    settings = loaded()
    noted = holds.Hold(reason=reason, by=by or getpass.getuser(), since=rfc3339(time.time()))
    _, problem = share(settings, noted)
    if problem is not None or settings.redis_url is None:
        write(settings.hold_file, noted, problem)
    audit(settings, "hold", by=noted.by, reason=reason)
    if problem is not None:
        raise HoldError(
            f"Only gateways that read {settings.hold_file} are held: Redis {problem}. Say it again "
            "when Redis is back."
        )
    put(
        "The model is out of service; `mmhie release` puts it back.",
        {"held": True, **asdict(noted)},
        as_json=as_json,
    )


def release(by: By = None, as_json: AsJson = False) -> None:
    """Put the model back into service."""
    settings = loaded()
    before, problem = share(settings, None)
    existed = remove(settings.hold_file) or before is not None
    if existed:
        audit(settings, "release", by=by or getpass.getuser())
    if problem is not None:
        raise HoldError(f"A hold of all gateways is not ended: Redis {problem}.")
    said = "The model is back in service." if existed else "There was no hold."
    put(said, {"held": False, "was_held": existed}, as_json=as_json)


def share(
    settings: gateway_settings.GatewaySettings, noted: holds.Hold | None
) -> tuple[holds.Hold | None, str | None]:
    """Hold or release all gateways where they share a Redis; the hold before, or what is wrong."""
    try:
        return operator_commands.hold(settings, noted), None
    except operator_commands.NotOrdered as problem:
        return None, str(problem)


def write(path: Path, noted: holds.Hold, problem: str | None) -> None:
    """Hold the gateways of this machine; raises HoldError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        holds.write(path, noted)
    except OSError as error:
        also = f", and Redis {problem}" if problem else ""
        raise HoldError(f"The hold cannot be written to {path} ({error.strerror}){also}.") from None


def remove(path: Path) -> bool:
    """End a hold of this machine; whether there was one. Raises HoldError."""
    try:
        return holds.release(path)
    except OSError as error:
        raise HoldError(f"The hold at {path} cannot be removed ({error.strerror}).") from None


def audit(settings: gateway_settings.GatewaySettings, kind: str, **facts: str) -> None:
    """Note it in the trail. The switch itself does not wait for that: it is there for safety."""
    try:
        append_event(settings, kind, **facts)
    except (OSError, ChainBroken) as error:
        sys.stderr.write(f"This could not be written to the audit trail: {error}.\n")


def loaded() -> gateway_settings.GatewaySettings:
    """What this machine's gateways read; raises LauncherError when a setting is wrong."""
    try:
        return gateway_settings.load()
    except gateway_settings.SettingsError as error:
        raise HoldError(str(error)) from None
