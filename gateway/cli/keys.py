"""`mmhie keys new | list | revoke`: the API keys of this machine's gateways."""

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, cast

import typer

from gateway.audit.file import lock_beside
from gateway.auth import keys
from gateway.auth.keys import Key
from gateway.cli.command import AsJson, CommandError, flatten, lay_out, parse_duration, put
from gateway.cluster import RedisUnavailable, operator_state
from gateway.principal import SCOPES, PrincipalLimits, Priority
from gateway.record import rfc3339
from gateway.runtime.files import FileUnusable
from gateway.settings.gateway import load

LOCK_WAIT_S = 60.0  # others may change a file of 100,000 keys
NEW_SCOPES = ("generate", "openai")
Name = Annotated[
    str, typer.Option(help="Name of the client in the audit trail: use one key per client.")
]
Scopes = Annotated[
    str | None,
    typer.Option(help=f"Comma-separated: {','.join(SCOPES)}. Default: {','.join(NEW_SCOPES)}."),
]
Class = Annotated[
    str | None, typer.Option(help="Priority class: emergency, routine (the default) or batch.")
]
Concurrency = Annotated[int | None, typer.Option(min=1, help="Maximum concurrent requests.")]
Requests = Annotated[int | None, typer.Option(min=1, help="Maximum requests per minute.")]
Tokens = Annotated[
    int | None, typer.Option(min=1, help="Maximum tokens (prompt and answer) per minute.")
]
Expires = Annotated[str | None, typer.Option(help="Lifetime from now: 90d, 12h, 30m.")]
Users = Annotated[
    list[str] | None,
    typer.Option(
        "--user", help="Person whom the key may name; repeat it. A single one is the key's owner."
    ),
]
Rotate = Annotated[
    str | None,
    typer.Option(
        help="Replace the key of this name, with its scopes, limits and lifetime; the old one "
        "works for this long: 24h.",
    ),
]


def new(  # noqa: PLR0913, PLR0917 - one parameter for each option
    name: Name,
    scopes: Scopes = None,
    priority: Class = None,
    concurrency: Concurrency = None,
    requests_per_minute: Requests = None,
    tokens_per_minute: Tokens = None,
    expires: Expires = None,
    user: Users = None,
    rotate: Rotate = None,
    as_json: AsJson = False,
) -> None:
    """Create a key. It is shown once."""
    given = (scopes, priority, concurrency, requests_per_minute, tokens_per_minute, user)
    if rotate is not None and any(given):
        raise CommandError(
            "--rotate keeps scopes, priority, limits and users; leave their options out."
        )
    now = time.time()
    secret = keys.new_secret()
    try:
        key = Key(
            name=name,
            sha256=keys.sha256(secret.encode()),
            scopes=NEW_SCOPES if scopes is None else tuple(scopes.replace(",", " ").split()),
            created=now,
            priority=cast("Priority", priority or "routine"),  # Key refuses any other
            limits=PrincipalLimits(concurrency, requests_per_minute, tokens_per_minute),
            expires=compute_end(expires, now, "--expires"),
            users=tuple(user or ()),
        )
    except ValueError as error:
        raise CommandError(f"No key was made: {error}.") from None
    key = store(key, compute_end(rotate, now, "--rotate"))
    if not as_json:
        sys.stderr.write(f"The key of {name}; it is not shown again:\n")
    put(secret, {"key": secret, **make_document(key, now)}, as_json=as_json)


def show(as_json: AsJson = False) -> None:
    """List the keys: name, scopes, limits, state. The secrets are not stored."""
    now, known, revoked = time.time(), read(keys_file()), read_revoked()
    documents = [
        make_document(
            replace(key, revoked=key.revoked or now) if key.sha256 in revoked else key, now
        )
        for key in known
    ]
    rows = [dict(flatten("", document)) for document in documents]
    put(lay_out(rows), {"keys": documents}, as_json=as_json)


def revoke(
    name: Annotated[str, typer.Argument(help="Name of the key.")], as_json: AsJson = False
) -> None:
    """Revoke a key; gateways refuse it within two seconds."""
    settings, file, problem = load(), keys_file(), None
    digests = [key.sha256 for key in (read(file) if file.exists() else ()) if key.name == name]
    try:
        operator_state.revoke_everywhere(settings, digests)
    except RedisUnavailable as error:
        problem = str(error)
    with edit_keys(file) as known:
        working = [key for key in known if key.name == name and key.revoked is None]
        # With Redis the command may be a repetition, as it was not reached.
        if not working and not (settings.redis_url and digests):
            raise CommandError(f"There is no active key named {name}.")
        known[:] = [replace(key, revoked=time.time()) if key in working else key for key in known]
    if problem is not None:
        raise CommandError(
            f"The key of {name} is revoked in {file} and not for other gateways: Redis "
            f"{problem}. Repeat the command when Redis is back."
        )
    put(f"The key of {name} is revoked.", {"revoked": name}, as_json=as_json)


def store(key: Key, until: float | None) -> Key:
    """Add a key to the file, and return it as stored. With `until` it replaces the key of its name,
    which ends then: it has the rights of that one and, if it has no end, the lifetime. Raises
    CommandError."""
    revoked = frozenset() if until is None else read_revoked()
    with edit_keys(keys_file()) as known:
        before = [
            old
            for old in known
            if old.name == key.name and old.state(key.created) == "active"
            if old.sha256 not in revoked
        ]
        if before and until is None:
            raise CommandError(
                f"There is a key named {key.name}; revoke it, replace it (--rotate 24h), or choose "
                "another name."
            )
        if until is not None:
            if not before:
                raise CommandError(f"There is no active key named {key.name}; leave --rotate out.")
            last = max(before, key=lambda old: old.created)
            ends = key.expires or (last.expires and key.created + last.expires - last.created)
            key = replace(last, sha256=key.sha256, created=key.created, expires=ends)
            known[:] = [
                replace(old, expires=min(old.expires or until, until)) if old in before else old
                for old in known
            ]
        known.append(key)
    return key


def read_revoked() -> frozenset[str]:
    """Return the keys that were revoked on other machines; raises CommandError."""
    try:
        return operator_state.read_revoked(load())
    except RedisUnavailable as error:
        raise CommandError(
            f"Redis {error}, which knows the keys revoked on other machines. Repeat the command "
            "when Redis is back."
        ) from None


def make_document(key: Key, now: float) -> dict[str, object]:
    """Return a key as JSON, with times as RFC 3339, without the secret and its hash."""
    return {
        "name": key.name,
        "scopes": list(key.scopes),
        "users": list(key.users),
        "priority": key.priority,
        "limits": asdict(key.limits),
        "created": rfc3339(key.created),
        "expires": rfc3339(key.expires) if key.expires else None,
        "state": key.state(now),
    }


def compute_end(duration: str | None, now: float, option: str) -> float | None:
    """Return the time at which a duration ends; raises CommandError."""
    if duration is None:
        return None
    if not (seconds := parse_duration(duration)):
        raise CommandError(f"{option} got {duration!r}; write a number and m, h or d: 90d.")
    return now + seconds


def read(file: Path) -> tuple[Key, ...]:
    """Read the keys; raises CommandError."""
    try:
        return tuple(keys.read(file))
    except FileUnusable as error:
        raise CommandError(f"MMHIE_KEYS_FILE is {file}: {error}.") from None


@contextlib.contextmanager
def edit_keys(file: Path) -> Iterator[list[Key]]:
    """Lock the file, yield its keys to be changed, and write them unless the block raises.

    A link is followed, so that it stays a link.
    """
    file = Path(os.path.realpath(file))
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with lock_beside(file, LOCK_WAIT_S):
            known = list(read(file)) if file.exists() else []
            yield known
            keys.write(file, known)
    except OSError as error:
        raise CommandError(f"{file} cannot be written ({error.strerror}).") from None


def keys_file() -> Path:
    """Return the keys file of this machine's gateways; raises CommandError when none is set."""
    file = load().keys_file
    if file is None:
        raise CommandError("MMHIE_KEYS_FILE is not set; name the file that holds the keys.")
    return file
