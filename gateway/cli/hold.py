"""`mmhie hold` and `mmhie release`: take the model out of service, and put it back.

The hold is stored in Redis for all gateways if one is configured, else in a file of this machine.
"""

import contextlib
import errno
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.command import (
    AsJson,
    CommandError,
    NegativeResult,
    audit,
    decode_argument,
    operator_name,
    put,
)
from gateway.cli.phases import Phases, describe_phases, phases_of
from gateway.cluster import operator_state
from gateway.cluster.operator_state import SILENT
from gateway.hold import hold as hold_file
from gateway.hold.hold import UNREADABLE, Hold
from gateway.record import rfc3339
from gateway.settings.gateway import GatewaySettings, load

Reason = Annotated[str, typer.Option(help="Shown to every client: no patient data.")]
By = Annotated[str | None, typer.Option(help="Who decided; default: the current user.")]
Now = Annotated[bool, typer.Option("--now", help="Also end answers in progress.")]
Urls = Annotated[
    list[str] | None,
    typer.Option(
        "--url",
        envvar="MMHIE_URL",
        help="Gateway that has to confirm; repeatable. Default: the one on this machine.",
    ),
]
LONGEST_REASON = 500  # characters, which every refused client reads
DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
HELD = frozenset({"held"})
NAME_ONE = "Name a gateway with --url or MMHIE_URL."
CUT_OFF = (
    "A silent gateway was killed, or it is cut off from Redis and may still answer: stop it, or "
    "run this command there."
)


class Unconfirmed(NegativeResult):
    """The hold was written or ended, but no gateway confirms it."""


def hold(
    reason: Reason, by: By = None, now: Now = False, url: Urls = None, as_json: AsJson = False
) -> None:
    """Take the model out of service: model endpoints return 503.

    Exit code 1 if no gateway confirms the hold, or one still answers."""
    settings = load()
    wanted = Hold(check_reason(reason), operator_name(by), rfc3339(time.time()), now)
    first = find_hold(settings)
    new = replace(first, now=first.now or now) if first else wanted
    _, problem = set_in_redis(settings, new)
    in_file = problem is not None or settings.redis_url is None
    if in_file:
        new = write_file(settings.hold_file, new, problem)
    ends_now = {"now": "true"} if now and new.now else {}
    audit(settings, "hold", by=wanted.by, reason=wanted.reason, **ends_now)
    phases = phases_of(settings, url or (), lambda phase: phase == HELD)
    place = settings.hold_file if in_file else "Redis"
    put(
        f"The hold is in {place}. {describe_hold(phases, first)}",
        as_document(new, phases) | {"file": str(settings.hold_file) if in_file else None},
        as_json=as_json,
    )
    if problem is not None:
        raise CommandError(
            f"Only gateways that read {settings.hold_file} are on hold: Redis {problem}. Repeat "
            "the command when Redis is back."
        )
    if now and not new.now:
        raise CommandError(
            f"Answers in progress continue: {settings.hold_file} could not take --now. "
            "Free disk space and repeat the command."
        )
    if not is_confirmed(phases):
        raise Unconfirmed(explain_unconfirmed(settings, phases, in_file=in_file))


def release(by: By = None, url: Urls = None, as_json: AsJson = False) -> None:
    """Put the model back into service. Exit code 1 if a gateway is still on hold."""
    settings = load()
    in_redis, problem = set_in_redis(settings, None)
    before = remove_file(settings.hold_file) or in_redis
    if before is not None:
        audit(settings, "release", by=operator_name(by))
    if problem is not None:
        raise CommandError(
            f"Gateways that share a Redis may still be on hold: Redis {problem}. Repeat "
            "the command when Redis is back."
        )
    phases = phases_of(settings, url or (), lambda phase: "held" not in phase)
    is_held = any("held" in phase for phase in phases.values())
    ended = f"The hold is ended: {describe(before)}." if before else "There was no hold."
    result = {"held": is_held, "was_held": before is not None}
    put(ended, as_document(before, phases) | result, as_json=as_json)
    if is_held:
        raise Unconfirmed(
            f"The model is still out of service: {describe_phases(phases)}. {advise(settings)}"
        )


def check_reason(reason: str) -> str:
    """Return the reason as text; raises CommandError if it is too long."""
    if len(reason) > LONGEST_REASON:
        raise CommandError(
            f"The reason has {len(reason):,} characters; every client reads it: write at most "
            f"{LONGEST_REASON}. There is no hold yet."
        )
    return decode_argument(reason)


def find_hold(settings: GatewaySettings) -> Hold | None:
    """Return the hold in force, whose reason, author and time stay; None if it is unreadable."""
    try:
        first = hold_file.read(settings.hold_file) or operator_state.read_hold(settings)
    except operator_state.OperatorCommandFailed:
        return None
    return None if first == UNREADABLE else first


def is_confirmed(phases: Phases) -> bool:
    """Return whether a gateway reports the hold, and none still answers."""
    reported = phases.values()
    return HELD in reported and not any(phase & {"ready", SILENT} for phase in reported)


def describe(hold: Hold) -> str:
    return f"held by {hold.by} since {hold.since} ({hold.reason})"


def as_document(hold: Hold | None, phases: Phases) -> dict[str, object]:
    """Return what --json prints."""
    gateways = {url: sorted(phase) for url, phase in phases.items()}
    return {"held": True, **(asdict(hold) if hold else {}), "gateways": gateways}


def describe_hold(phases: Phases, first: Hold | None) -> str:
    """Describe the hold in force, and which gateways confirm it."""
    already = f" It was {describe(first)} already: that reason stays." if first else ""
    if not is_confirmed(phases):
        return already.strip()
    confirmed = f"The model is out of service: {describe_phases(phases)}."
    return f"{confirmed}{already} `mmhie release` puts it back."


def explain_unconfirmed(settings: GatewaySettings, phases: Phases, *, in_file: bool) -> str:
    remedy = advise(settings) if in_file else NAME_ONE
    if any(SILENT in phase for phase in phases.values()):
        remedy = CUT_OFF
    return f"The hold is not confirmed: {describe_phases(phases)}. {remedy}"


def advise(settings: GatewaySettings) -> str:
    """Tell what to do about a gateway that does not read this file."""
    return (
        f"A gateway of another user, folder or machine does not read {settings.hold_file}: run "
        "this command there as that user, set MMHIE_HOLD_FILE as it is there, or name the gateway "
        "with --url."
    )


def set_in_redis(settings: GatewaySettings, new: Hold | None) -> tuple[Hold | None, str | None]:
    """Set or end the hold in Redis, if configured; return the hold before, and what failed."""
    try:
        return operator_state.hold_all(settings, new), None
    except operator_state.OperatorCommandFailed as error:
        return None, str(error)


def write_file(path: Path, new: Hold, redis_problem: str | None) -> Hold:
    """Write the hold file and return its hold, without reason and author if the disk is full.
    Raises CommandError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        hold_file.write(path, new)
        return new
    except OSError as error:
        if error.errno in DISK_FULL and touch(path):
            sys.stderr.write(
                f"The disk of {path} is full: the hold has no reason and no author, or those of "
                "the one before.\n"
            )
            return hold_file.read(path) or UNREADABLE
        also = f", and Redis {redis_problem}" if redis_problem else ""
        raise CommandError(
            f"The hold cannot be written to {path} ({error.strerror}){also}."
        ) from None


def touch(path: Path) -> bool:
    """Create an empty file, which is a hold and needs no space; return False if that fails."""
    with contextlib.suppress(OSError):
        path.touch()
        return True
    return False


def remove_file(path: Path) -> Hold | None:
    """Remove the hold file, and return the hold in it. Raises CommandError."""
    try:
        return hold_file.release(path)
    except OSError as error:
        raise CommandError(f"The hold at {path} cannot be removed ({error.strerror}).") from None
