"""`mmhie hold` and `mmhie release`: take the model out of service, and put it back.

The hold is kept in Redis for all gateways where one is configured, else in a file of this machine.
"""

import getpass
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from gateway.audit.file import ChainBroken, append_event
from gateway.cli.command import AsJson, CommandError, put
from gateway.cluster import operator_state
from gateway.safety import hold as hold_file
from gateway.safety.hold import Hold
from gateway.settings import GatewaySettings, load
from gateway.timestamps import rfc3339

Reason = Annotated[str, typer.Option(help="Shown to every client: no patient data.")]
By = Annotated[str | None, typer.Option(help="Who decided; default: the current user.")]


def hold(reason: Reason, by: By = None, as_json: AsJson = False) -> None:
    """Take the model out of service: model endpoints return 503, the gateway stays up."""
    settings = load()
    new = Hold(reason=reason, by=by or getpass.getuser(), since=rfc3339(time.time()))
    _, problem = set_shared(settings, new)
    if problem is not None or settings.redis_url is None:
        write(settings.hold_file, new, problem)
    audit(settings, "hold", by=new.by, reason=reason)
    if problem is not None:
        raise CommandError(
            f"Only gateways that read {settings.hold_file} are held: Redis {problem}. Repeat the "
            "command when Redis is back."
        )
    put(
        "The model is out of service; `mmhie release` puts it back.",
        {"held": True, **asdict(new)},
        as_json=as_json,
    )


def release(by: By = None, as_json: AsJson = False) -> None:
    """End a hold: put the model back into service."""
    settings = load()
    shared, problem = set_shared(settings, None)
    was_held = remove(settings.hold_file) or shared is not None
    if was_held:
        audit(settings, "release", by=by or getpass.getuser())
    if problem is not None:
        raise CommandError(
            f"Gateways that share a Redis may still be held: Redis {problem}. Repeat the command "
            "when Redis is back."
        )
    sentence = "The model is back in service." if was_held else "There was no hold."
    put(sentence, {"held": False, "was_held": was_held}, as_json=as_json)


def set_shared(settings: GatewaySettings, new: Hold | None) -> tuple[Hold | None, str | None]:
    """Set or end the hold in Redis, where there is one; return the hold before, or the problem."""
    try:
        return operator_state.hold_all(settings, new), None
    except operator_state.OperatorCommandFailed as error:
        return None, str(error)


def write(path: Path, new: Hold, redis_problem: str | None) -> None:
    """Hold the gateways of this machine; raises CommandError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        hold_file.write(path, new)
    except OSError as error:
        also = f", and Redis {redis_problem}" if redis_problem else ""
        raise CommandError(
            f"The hold cannot be written to {path} ({error.strerror}){also}."
        ) from None


def remove(path: Path) -> bool:
    """End a hold of this machine, and return whether there was one. Raises CommandError."""
    try:
        return hold_file.release(path)
    except OSError as error:
        raise CommandError(f"The hold at {path} cannot be removed ({error.strerror}).") from None


def audit(settings: GatewaySettings, kind: str, **facts: str) -> None:
    """Record the event in the trail. A failure only warns: the hold itself must not wait for it."""
    try:
        append_event(settings, kind, **facts)
    except (OSError, ChainBroken) as error:
        sys.stderr.write(f"This could not be written to the audit trail: {error}.\n")
