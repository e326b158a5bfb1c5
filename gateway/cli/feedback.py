"""`mmhie feedback list | show | export`: feedback on answers, and its outcome."""

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import Annotated

import typer

from gateway.cli.command import (
    AsJson,
    AsLines,
    By,
    CommandError,
    NegativeResult,
    audit,
    describe,
    lay_out,
    put,
    put_lines,
)
from gateway.cli.vault import OptionalKey, load_opener
from gateway.feedback.entry import OUTCOMES, Entry, text_name
from gateway.feedback.opening import open_store
from gateway.feedback.store import Store, StoreFailed
from gateway.runtime.json_types import Json
from gateway.settings.gateway import load
from gateway.vault.sealing import Opener, SealUnopened

Id = Annotated[str, typer.Argument(help="Of the feedback, as `list` shows it.", show_default=False)]
All = Annotated[bool, typer.Option("--all", help="Also what is closed.")]
Outcome = Annotated[
    str | None, typer.Option(help=f"Close it first, as one of {', '.join(OUTCOMES)}.")
]
Erase = Annotated[bool, typer.Option("--erase-text", help="Destroy comment and corrected text.")]
COLUMNS = ("id", "created", "category", "severity", "request_id", "client", "has_text", "state")


def show_all(everything: All = False, as_json: AsJson = False) -> None:
    """List open feedback, oldest first; texts are not shown."""
    with open_database() as store:
        entries = [entry.document() for entry in store.entries() if everything or not entry.closed]
        rows = [{name: str(entry.get(name, "")) for name in COLUMNS} for entry in entries]
        put(lay_out(rows), {"feedback": entries}, as_json=as_json)


def show(
    feedback_id: Id,
    private_key: OptionalKey = None,
    outcome: Outcome = None,
    by: By = "",
    erase_text: Erase = False,
    as_json: AsJson = False,
) -> None:
    """Show one entry, its texts only with the vault's private key; close it with --outcome. A
    sign-off that was `unfounded` no longer counts."""
    opener = load_opener(private_key) if private_key else None
    with open_database() as store:
        entry = store.find(feedback_id)
        if entry is None:
            raise NegativeResult(
                "There is no feedback of this id; `mmhie feedback list` shows all."
            )
        if outcome is not None:
            entry = close(store, entry, outcome, by)
        if erase_text:
            entry = replace(entry, sealed=None)
            store.update(entry)
        document = document_of(entry, opener)
        put(describe(document), document, as_json=as_json)


def export(private_key: OptionalKey = None, as_json: AsLines = True) -> None:
    """Write every entry as one JSON line; with the vault's private key its texts, too."""
    del as_json  # it is JSON anyway
    opener = load_opener(private_key) if private_key else None
    with open_database() as store:
        put_lines(document_of(entry, opener) for entry in store.entries())


def close(store: Store, entry: Entry, outcome: str, who: str) -> Entry:
    """Close an entry, and record that in the trail; raises CommandError."""
    if outcome not in OUTCOMES:
        raise CommandError(f"--outcome got {outcome!r}; it is one of {', '.join(OUTCOMES)}.")
    entry = replace(entry, closed=time.time(), closed_by=who, outcome=outcome)
    store.update(entry)
    facts = {"feedback_id": entry.id, "request_id": entry.answer.request_id, "by": who}
    audit(load(), "feedback_closed", outcome=outcome, **facts)
    return entry


def document_of(entry: Entry, opener: Opener | None) -> Json:
    """Return an entry, and with a key its texts; raise CommandError if the key opens none."""
    sealed = entry.sealed_texts() if opener else {}
    try:
        texts = {
            field: opener.unseal(content, text_name(entry.id, field)).decode(errors="replace")
            for field, content in sealed.items()
            if opener is not None
        }
    except SealUnopened as problem:
        raise CommandError(f"The text of {entry.id} {problem}.") from None
    return entry.document() | texts


@contextmanager
def open_database() -> Iterator[Store]:
    """Open the database of these settings; raises CommandError, and at the end NegativeResult."""
    store = open_store(load())
    if store is None:
        raise CommandError("MMHIE_FEEDBACK_FILE is not set; name the database of the feedback.")
    if not store.path.exists():
        raise CommandError(f"{store.path} does not exist; the gateway makes it when it starts.")
    with closing(store):
        try:
            yield store
        except StoreFailed as problem:
            raise CommandError(f"{store.path} cannot be used ({problem}).") from None
    if store.changed:
        raise NegativeResult(
            f"{store.path} has rows that were changed, or written with another MMHIE_AUDIT_KEY: "
            f"{', '.join(sorted(store.changed))}. They do not count."
        )
