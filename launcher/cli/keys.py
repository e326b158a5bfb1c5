"""`mmhie keys new | list | revoke`: who may use the gateway."""

import contextlib
import fcntl
import os
import re
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, get_args

import typer
from rich.console import Console
from rich.table import Table

from gateway import settings as gateway_settings
from gateway.auth import keys
from gateway.cluster import operator_commands
from gateway.principal import SCOPES, Limits, Priority
from gateway.timestamps import rfc3339
from launcher.cli.output import AsJson, put
from launcher.errors import LauncherError

UNITS_S = {"m": 60, "h": 3600, "d": 86_400}
Name = Annotated[str, typer.Option(help="Whose key: stands in the audit, so one for each caller.")]
Scopes = Annotated[str, typer.Option(help=f"Some of {','.join(SCOPES)}.")]
Class = Annotated[str, typer.Option(help="emergency, routine or batch: who waits for whom.")]
Concurrency = Annotated[int | None, typer.Option(min=1, help="Requests open at once.")]
Requests = Annotated[int | None, typer.Option(min=1, help="Requests a minute.")]
Tokens = Annotated[int | None, typer.Option(min=1, help="Tokens (prompt and answer) a minute.")]
Expires = Annotated[str | None, typer.Option(help="When it ends, from now: 90d, 12h, 30m.")]


class KeysError(LauncherError):
    """The keys file cannot be used, or what was asked makes no sense."""


def new(  # noqa: PLR0913, PLR0917 - one parameter for each option
    name: Name,
    scopes: Scopes = "generate,openai",
    priority: Class = "routine",
    concurrency: Concurrency = None,
    requests_per_minute: Requests = None,
    tokens_per_minute: Tokens = None,
    expires: Expires = None,
    as_json: AsJson = False,
) -> None:
    """Make a key; it is shown once, and stored hashed."""
    now = time.time()
    secret = keys.new_secret()
    ends = None if expires is None else now + seconds(expires)
    limits = Limits(concurrency, requests_per_minute, tokens_per_minute)
    try:
        key = keys.Key(
            name=name,
            sha256=keys.sha256(secret.encode()),
            scopes=tuple(scopes.replace(",", " ").split()),
            created=now,
            priority=class_of(priority),
            limits=limits,
            expires=ends,
        )
    except ValueError as problem:
        raise KeysError(f"No key was made: {problem}.") from None
    add(key)
    if not as_json:
        sys.stderr.write(f"The key of {name}; it is not shown again:\n")
    put(secret, {"key": secret, **told(key, now)}, as_json=as_json)


def add(key: keys.Key) -> None:
    """Put a key into the file; raises KeysError when its name is taken by one that works."""
    with changing() as known:
        if any(one.name == key.name and one.revoked is None for one in known):
            raise KeysError(f"There is a key named {key.name}; revoke it, or choose another name.")
        known.append(key)


def show(as_json: AsJson = False) -> None:
    """Every key: name, scopes, limits, state. Not the keys themselves: nobody has them."""
    now = time.time()
    known = with_shared(read())
    if as_json:
        put("", {"keys": [told(key, now) for key in known]}, as_json=True)
        return
    table = Table("name", "scopes", "priority", "limits", "created", "expires", "state", box=None)
    for key in known:
        table.add_row(
            key.name,
            ",".join(key.scopes),
            key.priority,
            limits_of(key.limits),
            rfc3339(key.created)[:10],
            rfc3339(key.expires)[:16] if key.expires else "never",
            key.state(now),
        )
    Console(width=None if sys.stdout.isatty() else 200).print(table)


def told(key: keys.Key, now: float) -> dict[str, object]:
    """A key as a program reads it; times as RFC 3339, and nothing of the key itself."""
    return {
        "name": key.name,
        "scopes": list(key.scopes),
        "priority": key.priority,
        "limits": asdict(key.limits),
        "created": rfc3339(key.created),
        "expires": rfc3339(key.expires) if key.expires else None,
        "state": key.state(now),
    }


def revoke(
    name: Annotated[str, typer.Argument(help="The key's name.")], as_json: AsJson = False
) -> None:
    """End a key; running gateways see it within a second, or two where they share a Redis."""
    settings = loaded()
    named = [key.sha256 for key in (read() if path().exists() else ()) if key.name == name]
    problem = share_revoked(settings, named)
    is_shared = settings.redis_url is not None and problem is None
    try:
        end(name, again=settings.redis_url is not None and bool(named))
    except KeysError as error:
        if is_shared and named:
            raise KeysError(f"All gateways refuse the key of {name} by now, but: {error}") from None
        raise
    if problem is not None:
        raise KeysError(
            f"The key of {name} is revoked in {path()} and not for other gateways: Redis "
            f"{problem}. Say it again when Redis is back."
        )
    put(f"The key of {name} is revoked.", {"revoked": name}, as_json=as_json)


def end(name: str, *, again: bool) -> None:
    """Revoke a key in the file; raises KeysError for one that does not work, unless it is told
    `again` because Redis did not hear of it the first time."""
    with changing() as known:
        live = [key for key in known if key.name == name and key.revoked is None]
        if not live and not again:
            raise KeysError(f"There is no working key named {name}.")
        known[:] = [replace(key, revoked=time.time()) if key in live else key for key in known]


def share_revoked(settings: gateway_settings.GatewaySettings, digests: Sequence[str]) -> str | None:
    """Revoke keys for all gateways that share a Redis; what is wrong with it, if something is."""
    try:
        operator_commands.revoke(settings, digests)
    except operator_commands.NotOrdered as problem:
        return str(problem)
    return None


def with_shared(known: Iterable[keys.Key]) -> list[keys.Key]:
    """The keys of the file, those revoked for all gateways among them."""
    try:
        ended = operator_commands.revoked(loaded())
    except operator_commands.NotOrdered as problem:
        sys.stderr.write(f"What was revoked elsewhere is not known: Redis {problem}.\n")
        ended = frozenset()
    now = time.time()
    return [
        replace(key, revoked=now) if key.sha256 in ended and key.revoked is None else key
        for key in known
    ]


def limits_of(limits: Limits) -> str:
    told = (
        (limits.concurrency, "at once"),
        (limits.requests_per_minute, "requests/min"),
        (limits.tokens_per_minute, "tokens/min"),
    )
    return ", ".join(f"{number} {unit}" for number, unit in told if number) or "none"


def seconds(text: str) -> int:
    """A duration like 90d, in seconds; raises KeysError."""
    found = re.fullmatch(r"(\d{1,5})([mhd])", text)
    if found is None or int(found[1]) == 0:
        raise KeysError(f"--expires got {text!r}; write a number and m, h or d: 90d.")
    return int(found[1]) * UNITS_S[found[2]]


def class_of(text: str) -> Priority:
    """A priority by its name; raises ValueError."""
    for one in get_args(Priority):
        if one == text:
            return one  # type: ignore[no-any-return] # a member of the Literal
    raise ValueError(f"priority is one of {', '.join(get_args(Priority))}")


def read() -> tuple[keys.Key, ...]:
    try:
        return keys.read(path())
    except keys.KeysUnreadable as problem:
        raise KeysError(f"MMHIE_KEYS_FILE got {path()}: {problem}.") from None


@contextlib.contextmanager
def changing() -> Iterator[list[keys.Key]]:
    """The keys, to be changed by one command at a time; written when nothing was raised."""
    file = path()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        lock = os.open(file.with_name(f"{file.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            known = list(read()) if file.exists() else []
            yield known
            keys.write(file, known)
        finally:
            os.close(lock)
    except OSError as problem:
        raise KeysError(f"{file} cannot be written ({problem.strerror}).") from None


def loaded() -> gateway_settings.GatewaySettings:
    """What this machine's gateways read; raises KeysError when a setting is wrong."""
    try:
        return gateway_settings.load()
    except gateway_settings.SettingsError as problem:
        raise KeysError(str(problem)) from None


def path() -> Path:
    """Where this machine's gateways look; raises KeysError."""
    file = loaded().keys_file
    if file is None:
        raise KeysError("MMHIE_KEYS_FILE is not set; name the file that holds the keys.")
    return file
