"""`mmhie card init | check`: the operator's part of the model card."""

from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.command import AsJson, CommandError, NegativeResult, put
from gateway.model_card import source
from gateway.model_card.attributes import ATTRIBUTES, REGULATION, Attribute
from gateway.model_card.card import SERVICE
from gateway.model_card.source import OperatorCard
from gateway.model_card.supplied import template
from gateway.runtime.files import FileUnusable
from gateway.settings.gateway import load

File = Annotated[Path, typer.Argument(help="The operator's card, a TOML file.")]
Model = Annotated[str | None, typer.Option(help="Id of the model; default: MMHIE_REASONER_MODEL.")]
Complete = Annotated[
    bool, typer.Option("--complete", help="Exit code 1 while a source attribute is empty.")
]


class Incomplete(NegativeResult):
    """Source attributes are empty."""


def init(file: File, model: Model = None, as_json: AsJson = False) -> None:
    """Write an empty card to fill in: every source attribute, and CHAI's elements beside them."""
    text = template(model or load().reasoner_model)
    try:
        with file.open("x", encoding="utf-8") as handle:
            handle.write(text)
    except FileExistsError:
        raise CommandError(f"{file} exists; name another file, or remove it.") from None
    except OSError as error:
        raise CommandError(f"{file} cannot be written ({error.strerror}).") from None
    put(
        f"{file} has every entry empty; fill it in, and name it in MMHIE_MODEL_CARD.",
        {"file": str(file)},
        as_json=as_json,
    )


def check(file: File, complete: Complete = False, as_json: AsJson = False) -> None:
    """Check a card and the evaluation report that it names, and list what is empty."""
    operator = read(file)
    missing = missing_in(operator)
    if complete and missing:
        names = ", ".join(attribute.id for attribute in missing)
        raise Incomplete(
            f"{len(missing)} of {len(ATTRIBUTES)} source attributes are empty: {names}."
        )
    put("\n".join(lines(operator, missing)), document(operator, missing), as_json=as_json)


def read(file: Path) -> OperatorCard:
    """Return the card; raise CommandError for one that the gateway would refuse."""
    key = load().audit_key
    try:
        return source.read(file, key.get_secret_value() if key else None)
    except FileUnusable as problem:
        raise CommandError(f"{file}: {problem}.") from None


def missing_in(found: OperatorCard) -> list[Attribute]:
    """Return the source attributes that neither the service nor the operator answers."""
    empty = (set(found.supplied.missing()) if found.supplied else set()) - by_itself()
    return [attribute for attribute in ATTRIBUTES if attribute.id in empty]


def by_itself() -> set[str]:
    """Return the source attributes that the service answers for every model."""
    return {name for name, text in SERVICE.items() if text}


def lines(found: OperatorCard, missing: list[Attribute]) -> list[str]:
    """Return the finding for a person."""
    model = found.supplied.model if found.supplied else ""
    said = len(ATTRIBUTES) - len(missing)
    filled = (
        f"{said} of {len(ATTRIBUTES)} source attributes are answered, "
        f"{len(by_itself())} of them by the service"
    )
    head = f"The card of {model} is valid; {filled}."
    return [
        head,
        *(f"  empty: {attribute.id}, {REGULATION}{attribute.paragraph}" for attribute in missing),
        *(f"  {each.id}: {each.measure}." for each in missing if each.measure),
    ]


def document(found: OperatorCard, missing: list[Attribute]) -> dict[str, object]:
    """Return the finding for a program."""
    return {
        "model": found.supplied.model if found.supplied else None,
        "source_attributes": len(ATTRIBUTES),
        "answered_by_service": len(by_itself()),
        "missing": [attribute.id for attribute in missing],
        "evaluation_verified": found.evaluation.is_verified if found.evaluation else None,
    }
