"""`mmhie hold` and `mmhie release`: the operator's switch, noted in a file that gateways watch."""

from __future__ import annotations

import getpass
import sys
import time
from dataclasses import asdict
from typing import Annotated

import typer

from gateway import settings as gateway_settings
from gateway.audit.file import ChainBroken
from gateway.audit.opening import note_event
from gateway.clock import rfc3339
from gateway.safety import hold as holds
from launcher.commands.output import AsJson, put
from launcher.errors import LauncherError

Reason = Annotated[str, typer.Option(help="Why; every caller reads it, so nothing of a patient.")]
By = Annotated[str | None, typer.Option(help="Who decided; default: the user who runs this.")]


class HoldError(LauncherError):
    """The hold cannot be noted or ended."""


def hold(reason: Reason, by: By = None, as_json: AsJson = False) -> None:
    """Take the model out of service: model routes answer 503, the gateway stays up."""
    settings = loaded()
    path = settings.hold_file
    noted = holds.Hold(reason=reason, by=by or getpass.getuser(), since=rfc3339(time.time()))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        holds.write(path, noted)
    except OSError as error:
        raise HoldError(f"The hold cannot be written to {path} ({error.strerror}).") from None
    audit(settings, "hold", by=noted.by, reason=reason)
    put(
        "The model is out of service; `mmhie release` puts it back.",
        {"held": True, **asdict(noted)},
        as_json=as_json,
    )


def release(by: By = None, as_json: AsJson = False) -> None:
    """Put the model back into service."""
    settings = loaded()
    path = settings.hold_file
    try:
        existed = holds.release(path)
    except OSError as error:
        raise HoldError(f"The hold at {path} cannot be removed ({error.strerror}).") from None
    if existed:
        audit(settings, "release", by=by or getpass.getuser())
    said = "The model is back in service." if existed else "There was no hold."
    put(said, {"held": False, "was_held": existed}, as_json=as_json)


def audit(settings: gateway_settings.GatewaySettings, kind: str, **facts: str) -> None:
    """Note it in the trail. The switch itself does not wait for that: it is there for safety."""
    try:
        note_event(settings, kind, **facts)
    except (OSError, ChainBroken) as error:
        sys.stderr.write(f"This could not be written to the audit trail: {error}.\n")


def loaded() -> gateway_settings.GatewaySettings:
    """What this machine's gateways read; raises LauncherError when a setting is wrong."""
    try:
        return gateway_settings.load()
    except gateway_settings.SettingsError as error:
        raise HoldError(str(error)) from None
