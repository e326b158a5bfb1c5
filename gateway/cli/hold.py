"""`mmhie hold` and `mmhie release`: take the model out of service, and put it back.

The hold is stored in Redis for all gateways if one is configured, else in a file of this machine.
"""

import contextlib
import time
from dataclasses import asdict
from typing import Annotated

import typer

from gateway.cli.command import (
    AsJson,
    By,
    CommandError,
    NegativeResult,
    audit,
    decode_argument,
    put,
)
from gateway.cli.phases import Phases, describe_phases, phases_of
from gateway.cluster import RedisUnavailable, operator_state
from gateway.hold import hold as hold_file
from gateway.hold.hold import Hold
from gateway.record import rfc3339
from gateway.settings.gateway import GatewaySettings, load

Reason = Annotated[str, typer.Option(help="Shown to every client: no patient data.")]
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
ADVICE = (
    "Run this command where that gateway runs, as its user, or name the gateway with --url. A "
    "silent one may still answer: stop it."
)


def hold(
    reason: Reason, by: By = "", now: Now = False, url: Urls = None, as_json: AsJson = False
) -> None:
    """Take the model out of service: model endpoints return 503.

    Exit code 1 if no gateway confirms the hold, or one still answers."""
    if len(reason) > LONGEST_REASON:
        raise CommandError(
            f"The reason has {len(reason):,} characters; every client reads it: write at most "
            f"{LONGEST_REASON}. There is no hold yet."
        )
    settings = load()
    new = Hold(decode_argument(reason), by, rfc3339(time.time()), now)
    _, problem = set_in_redis(settings, new)
    in_file = problem is not None or settings.redis_url is None
    disk_problem = write_file(settings, new) if in_file else None
    audit(settings, "hold", by=new.by, reason=new.reason, **({"now": "true"} if now else {}))
    phases = phases_of(settings, url or (), lambda phase: phase == {"held"})
    place = str(settings.hold_file) if in_file else "Redis"
    put(
        f"The hold is in {place}: {describe_phases(phases)}. `mmhie release` ends it.",
        make_document(new, phases) | {"file": place if in_file else None},
        as_json=as_json,
    )
    if problem is not None:
        raise CommandError(f"Only gateways that read {place} are on hold: {problem}")
    if disk_problem is not None:
        raise CommandError(disk_problem)
    is_answered = any(phase & {"ready", operator_state.SILENT} for phase in phases.values())
    if is_answered or {"held"} not in phases.values():
        raise NegativeResult(f"The hold is not confirmed: {describe_phases(phases)}. {ADVICE}")


def release(by: By = "", url: Urls = None, as_json: AsJson = False) -> None:
    """Put the model back into service. Exit code 1 if a gateway is still on hold."""
    settings = load()
    in_redis, problem = set_in_redis(settings, None)
    try:
        before = hold_file.release(settings.hold_file) or in_redis
    except OSError as error:
        raise CommandError(f"{settings.hold_file} cannot be removed ({error.strerror}).") from None
    if before is not None:
        audit(settings, "release", by=by)
    if problem is not None:
        raise CommandError(f"Gateways that share a Redis may still be on hold: {problem}")
    phases = phases_of(settings, url or (), lambda phase: "held" not in phase)
    is_held = any("held" in phase for phase in phases.values())
    was = f"held by {before.by} since {before.since} ({before.reason})" if before else ""
    document = make_document(before, phases) | {"held": is_held, "was_held": bool(before)}
    put(f"The hold is ended: {was}." if was else "There was no hold.", document, as_json=as_json)
    if is_held:
        still = describe_phases(phases)
        raise NegativeResult(f"The model is still out of service: {still}. {ADVICE}")


def make_document(hold: Hold | None, phases: Phases) -> dict[str, object]:
    gateways = {url: sorted(phase) for url, phase in phases.items()}
    return {"held": True, **(asdict(hold) if hold else {}), "gateways": gateways}


def set_in_redis(settings: GatewaySettings, new: Hold | None) -> tuple[Hold | None, str | None]:
    """Set or end the hold in Redis, if configured; return the hold before, and what failed."""
    try:
        return operator_state.hold_all(settings, new), None
    except RedisUnavailable as error:
        return None, f"Redis {error}. Repeat the command when Redis is back."


def write_file(settings: GatewaySettings, new: Hold) -> str | None:
    """Write the hold file; on a full disk an empty one, which is a hold. Return the problem; raise
    CommandError if there is no hold."""
    path = settings.hold_file
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        hold_file.write(path, new)
    except OSError as error:
        with contextlib.suppress(OSError):
            path.touch()
        problem = f"{path} cannot be written ({error.strerror})"
        if not path.exists():
            raise CommandError(f"{problem}: there is no hold.") from None
        return f"{problem}: the hold has no reason, and --now no effect."
    return None
