"""`mmhie feedback list | show | export | close`: feedback on answers, and its outcome."""

import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import orjson
import typer

from gateway.audit.account import printable
from gateway.audit.fhir.feedback import resource_of
from gateway.cli.command import (
    AsJson,
    CommandError,
    NegativeResult,
    audit,
    operator_name,
    print_rows,
    put,
)
from gateway.cli.vault import KEY_HELP, load_opener
from gateway.feedback.entry import OUTCOMES, TEXTS, Entry, text_name
from gateway.feedback.store import Store, StoreFailed
from gateway.record import rfc3339
from gateway.settings.gateway import load
from gateway.vault.sealing import Opener, SealUnopened

Texts = dict[str, str]
Id = Annotated[str, typer.Argument(help="Of the feedback, as `list` shows it.", show_default=False)]
Shown = Annotated[str, typer.Option("--state", help="open, closed or all.")]
Key = Annotated[Path | None, typer.Option("--key", help=KEY_HELP)]
WithText = Annotated[
    bool, typer.Option("--with-text", help="Open the texts into the output; needs --key.")
]
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
    with open_store() as store:
        entries = filter_by_state(store.entries(), state)
    if as_json:
        put("", {"feedback": [entry.document() for entry in entries]}, as_json=True)
        return
    print_rows(list(map(make_row, entries)))


def show(feedback_id: Id, private_key: Key = None, as_json: AsJson = False) -> None:
    """Show one entry; its texts only with the vault's private key."""
    opener = load_opener(private_key) if private_key else None
    with open_store() as store:
        entry = find_entry(store, feedback_id)
        texts = open_texts(store, entry, opener) if opener else {}
    parts = [f"{make_title(field)}:\n{make_printable(text)}" for field, text in texts.items()]
    if entry.has_text and opener is None:
        parts = ["Its texts are sealed: --key names the private key that opens them."]
    put("\n\n".join([describe_entry(entry), *parts]), entry.document() | texts, as_json=as_json)


def export(
    state: Shown = "all",
    as_fhir: Fhir = False,
    with_text: WithText = False,
    private_key: Key = None,
    as_json: Lines = True,
) -> None:
    """Write every entry as one JSON line, without texts by default."""
    del as_json  # it is JSON anyway
    if with_text != (private_key is not None):
        raise CommandError("--with-text and --key go together: the texts are sealed.")
    opener = load_opener(private_key) if private_key else None
    with open_store() as store:
        for entry in filter_by_state(store.entries(), state):
            texts = open_texts(store, entry, opener) if opener else {}
            document = entry.document()
            written = resource_of(document, texts) if as_fhir else document | texts
            sys.stdout.write(orjson.dumps(written).decode() + "\n")


def close(
    feedback_id: Id,
    outcome: What,
    by: By = None,
    erase_text: Erase = False,
    as_json: AsJson = False,
) -> None:
    """Close an entry with its outcome; a sign-off that was `unfounded` no longer counts."""
    if outcome not in OUTCOMES:
        raise CommandError(f"--outcome got {outcome!r}; it is one of {', '.join(OUTCOMES)}.")
    settings, who = load(), operator_name(by)
    with open_store() as store:
        entry = find_entry(store, feedback_id)
        store.close_entry(entry.id, time.time(), by=who, outcome=outcome, erase=erase_text)
        after = find_entry(store, feedback_id)
    facts = {"feedback_id": entry.id, "request_id": entry.answer.request_id, "by": who}
    audit(settings, "feedback_closed", outcome=str(after.outcome), **facts)
    put(f"{entry.id} is closed as {outcome}.", after.document(), as_json=as_json)


def make_row(entry: Entry) -> dict[str, str]:
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


def describe_entry(entry: Entry) -> str:
    """Describe an entry without its texts."""
    return "\n".join(
        f"{name:<16} {printable(show_value(value))}" for name, value in entry.document().items()
    )


def show_value(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def make_title(field: str) -> str:
    return field.replace("_", " ").capitalize()


def make_printable(text: str) -> str:
    """Return a text without control characters for a terminal; its lines stay."""
    return "\n".join(printable(line) for line in text.splitlines())


def filter_by_state(entries: Iterable[Entry], state: str) -> list[Entry]:
    """Return the entries in a state; raises CommandError for an unknown state."""
    if state not in ("open", "closed", "all"):
        raise CommandError(f"--state got {state!r}; it is open, closed or all.")
    return [
        entry for entry in entries if state == "all" or (entry.closed is None) == (state == "open")
    ]


def find_entry(store: Store, feedback_id: str) -> Entry:
    entry = next((each for each in store.entries() if each.id == feedback_id), None)
    if entry is None:
        raise FeedbackNotFound("There is no feedback of this id; `mmhie feedback list` shows all.")
    return entry


def open_texts(store: Store, entry: Entry, opener: Opener) -> Texts:
    """Return the texts of an entry by field; raise CommandError if the key does not open them."""
    sealed = zip(TEXTS, store.texts_of(entry.id), strict=True)
    try:
        return {
            field: opener.unseal(content, text_name(entry.id, field)).decode(errors="replace")
            for field, content in sealed
            if content is not None
        }
    except SealUnopened as problem:
        raise CommandError(f"The text of {entry.id} {problem}.") from None


@contextmanager
def open_store() -> Iterator[Store]:
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
