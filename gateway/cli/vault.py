"""`mmhie vault open | erase`: read and erase answers, without the gateway or its settings."""

import sys
from pathlib import Path
from typing import Annotated

import orjson
import typer

from gateway.cli.command import AsJson, CommandError, NegativeResult, describe, put, readable
from gateway.runtime.json_types import Json
from gateway.vault import folder
from gateway.vault.sealing import KeyUnusable, Opener, SealUnopened

RequestId = Annotated[
    str, typer.Argument(help="The gateway's id, or the caller's.", show_default=False)
]
VaultDir = Annotated[Path, typer.Option("--dir", help="Folder of the vault.", show_default=False)]
KEY_HELP = "Private key of the vault (PEM)."
OptionalKey = Annotated[Path | None, typer.Option("--key", help=KEY_HELP)]
Key = Annotated[Path, typer.Option("--key", help=KEY_HELP, show_default=False)]


def show(request_id: RequestId, vault: VaultDir, private_key: Key, as_json: AsJson = False) -> None:
    """Print what was asked and answered, each text with its digest in the audit trail."""
    opener = load_opener(private_key)
    with readable(vault, "cannot be used"):
        answers = [open_file(file, opener) for file in folder.files_of(vault, request_id)]
        answers = answers or answers_by_caller(vault, request_id, opener)
    put("\n\n".join(map(describe, answers)), {"answers": answers}, as_json=as_json)


def erase(request_id: RequestId, vault: VaultDir, as_json: AsJson = False) -> None:
    """Erase one answer, by the gateway's own id."""
    with readable(vault, "cannot be used"):
        files = folder.files_of(vault, request_id)
        if not files:
            raise NegativeResult(
                f"{vault} has no answer of this id; `open` shows the gateway's own."
            )
        for file in files:  # somebody may have copied it to another day
            folder.erase(file)
    put(
        f"{' and '.join(map(str, files))} is erased; backups are not.",
        {"erased": request_id},
        as_json=as_json,
    )


def answers_by_caller(vault: Path, request_id: str, opener: Opener) -> list[Json]:
    """Return the answers of a caller's id, of all that this key opens; raises NegativeResult."""
    answers, closed = [], 0
    for file in folder.answers_in(vault):
        try:
            answer = open_file(file, opener)
        except NegativeResult:
            closed += 1
            continue
        if answer.get("caller_request_id") == request_id:
            answers.append(answer)
    unopened = f"Files that this key does not open: {closed}."
    if not answers:
        raise NegativeResult(
            f"{vault} has no answer of this id: it was erased, its days are over, a kill of the "
            f"gateway lost it, or it is kept elsewhere. {unopened}"
        )
    if closed:
        typer.echo(f"There may be more: {unopened}", err=True)
    return answers


def open_file(file: Path, opener: Opener) -> Json:
    """Return the answer in a file: anybody can seal, so it may be any object. Raises
    NegativeResult."""
    try:
        answer: Json = orjson.loads(opener.unseal(file.read_bytes(), file.stem))
    except OSError as problem:
        raise NegativeResult(f"{file} cannot be read ({problem.strerror}).") from None
    except SealUnopened as problem:
        raise NegativeResult(f"{file} {problem}.") from None
    except ValueError:
        answer = {}
    if not isinstance(answer, dict) or not answer.keys() >= {"request_id", "request", "answers"}:
        raise NegativeResult(f"{file} holds no answer of a gateway: it is forged.")
    return answer


def load_opener(key: Path) -> Opener:
    """Load the private key; raises CommandError."""
    try:
        return Opener(key, ask_passphrase)
    except KeyUnusable as problem:
        raise CommandError(f"{key} {problem}.") from None


def ask_passphrase() -> str:
    """Ask for the key's passphrase; without a terminal, read a line of standard input."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    asked: str = typer.prompt("Passphrase", hide_input=True, err=True)
    return asked
