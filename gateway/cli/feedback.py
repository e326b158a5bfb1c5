"""`mmhie feedback list | show | export | close`: what was said of answers, and what came of it."""

import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Annotated

import orjson
import typer
from rich.console import Console

from gateway.audit.account import printable
from gateway.audit.fhir.feedback import resource_of
from gateway.cli.command import (
    AsJson,
    CommandError,
    NegativeResult,
    audit,
    current_user,
    print_rows,
    put,
    text_of,
)
from gateway.feedback.cipher import TextCipher, TextUnreadable
from gateway.feedback.entry import OUTCOMES, Entry
from gateway.feedback.store import Store, StoreFailed
from gateway.record import rfc3339
from gateway.runtime.json_types import Json
from gateway.settings.gateway import load

Texts = tuple[str | None, str | None]
Id = Annotated[str, typer.Argument(help="Of the feedback, as `list` shows it.", show_default=False)]
Shown = Annotated[str, typer.Option("--state", help="open, closed or all.")]
WithText = Annotated[bool, typer.Option("--with-text", help="Decrypt the texts into the output.")]
Fhir = Annotated[
    bool,
    typer.Option("--fhir", help="Write FHIR R4: a DetectedIssue each, of a sign-off a Provenance."),
]
Lines = Annotated[bool, typer.Option("--json", help="No effect: entries are JSON lines.")]
What = Annotated[str, typer.Option("--outcome", help=f"One of {', '.join(OUTCOMES)}.")]
By = Annotated[str | None, typer.Option(help="Who decided; default: the current user.")]
Erase = Annotated[bool, typer.Option("--erase-text", help="Destroy comment and corrected text.")]


class FeedbackNotFound(NegativeResult):
    """There is no feedback of this id."""


def show_all(state: Shown = "open", as_json: AsJson = False) -> None:
    """List feedback, oldest first; texts are not shown."""
    with reading() as store:
        entries = chosen(store.entries(), state)
    if as_json:
        put("", {"feedback": [entry.document() for entry in entries]}, as_json=True)
        return
    print_rows(list(map(row, entries)), Console(width=None if sys.stdout.isatty() else 200))


def show(feedback_id: Id, as_json: AsJson = False) -> None:
    """Show one entry with its texts, decrypted with MMHIE_FEEDBACK_KEY."""
    with reading() as store:
        entry = entry_of(store, feedback_id)
        comment, corrected = texts_of(store, entry, TextCipher.of(load()))
    named = {"Comment": comment, "Corrected text": corrected}
    parts = [f"{name}:\n{readable(text)}" for name, text in named.items() if text is not None]
    document = entry.document() | with_texts((comment, corrected))
    put("\n\n".join([facts_of(entry), *parts]), document, as_json=as_json)


def export(
    state: Shown = "all", as_fhir: Fhir = False, with_text: WithText = False, as_json: Lines = True
) -> None:
    """Write every entry to standard output, one JSON object per line, without texts by default."""
    del as_json  # it is JSON anyway
    key = TextCipher.of(load()) if with_text else None
    with reading() as store:
        for entry in chosen(store.entries(), state):
            texts = texts_of(store, entry, key) if with_text else (None, None)
            document = entry.document()
            written = resource_of(document, texts) if as_fhir else document | with_texts(texts)
            sys.stdout.write(orjson.dumps(written).decode() + "\n")


def close(
    feedback_id: Id,
    outcome: What,
    by: By = None,
    erase_text: Erase = False,
    as_json: AsJson = False,
) -> None:
    """Close an entry with what came of it; a sign-off that was `unfounded` no longer counts."""
    if outcome not in OUTCOMES:
        raise CommandError(f"--outcome got {outcome!r}; it is one of {', '.join(OUTCOMES)}.")
    settings, who = load(), text_of(by or current_user())
    with reading() as store:
        entry = entry_of(store, feedback_id)
        store.close_entry(entry.id, time.time(), by=who, outcome=outcome, erase=erase_text)
        after = entry_of(store, feedback_id)
    facts = {"feedback_id": entry.id, "request_id": entry.answer.request_id, "by": who}
    audit(settings, "feedback_closed", outcome=str(after.outcome), **facts)
    put(f"{entry.id} is closed as {outcome}.", after.document(), as_json=as_json)


def row(entry: Entry) -> dict[str, str]:
    """Return an entry for a person."""
    columns = {
        "id": entry.id,
        "time": rfc3339(entry.created)[:16],
        "category": entry.category,
        "severity": entry.severity or "",
        "request": entry.answer.caller_request_id or entry.answer.request_id,
        "client": entry.client,
        "text": "yes" if entry.has_text else "no",
        "state": entry.outcome or "open",
    }
    return {name: printable(text) for name, text in columns.items()}


def facts_of(entry: Entry) -> str:
    """Return all but the texts, for a person."""
    return "\n".join(
        f"{name:<16} {printable(shown(value))}" for name, value in entry.document().items()
    )


def shown(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def readable(text: str) -> str:
    """Return a text without what would steer a terminal; its lines stay."""
    return "\n".join(printable(line) for line in text.splitlines())


def with_texts(texts: Texts) -> Json:
    named = zip(("comment", "corrected_text"), texts, strict=True)
    return {name: text for name, text in named if text is not None}


def chosen(entries: Iterable[Entry], state: str) -> list[Entry]:
    """Return the entries in a state; raises CommandError for a state there is not."""
    if state not in ("open", "closed", "all"):
        raise CommandError(f"--state got {state!r}; it is open, closed or all.")
    return [
        entry for entry in entries if state == "all" or (entry.closed is None) == (state == "open")
    ]


def entry_of(store: Store, feedback_id: str) -> Entry:
    entry = next((each for each in store.entries() if each.id == feedback_id), None)
    if entry is None:
        raise FeedbackNotFound("There is no feedback of this id; `mmhie feedback list` shows all.")
    return entry


def texts_of(store: Store, entry: Entry, key: TextCipher | None) -> Texts:
    """Return the texts of an entry; raises CommandError where they cannot be decrypted."""
    if not entry.has_text:
        return None, None
    if key is None:
        raise CommandError("MMHIE_FEEDBACK_KEY must be set to read the texts.")
    try:
        comment, corrected = store.texts_of(entry.id)
        return key.decrypt(comment), key.decrypt(corrected)
    except TextUnreadable:
        raise CommandError(
            f"The texts of {entry.id} cannot be decrypted: add the key they were written under to "
            "MMHIE_FEEDBACK_KEY, after a comma."
        ) from None


@contextmanager
def reading() -> Iterator[Store]:
    """Open the database of these settings; raises CommandError."""
    file = load().feedback_file
    if file is None:
        raise CommandError("MMHIE_FEEDBACK_FILE is not set; name the database of the feedback.")
    if not file.exists():
        raise CommandError(f"{file} does not exist; the gateway makes it when it starts.")
    store = Store(file)
    try:
        yield store
    except StoreFailed as problem:
        raise CommandError(f"{file} cannot be used ({problem}).") from None
    finally:
        store.close()
