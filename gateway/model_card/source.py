"""The operator's card as the gateway holds it: read at the start, and again when a file changes."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from gateway.model_card import evaluation, supplied
from gateway.model_card.evaluation import Evaluation
from gateway.model_card.supplied import Supplied
from gateway.runtime.files import FileUnusable, WatchedFile
from gateway.settings.gateway import GatewaySettings, SettingsError


class OperatorCard(NamedTuple):
    """The operator's file and the report that it names; None where there is none."""

    supplied: Supplied | None = None
    evaluation: Evaluation | None = None

    @property
    def evaluated(self) -> float:
        """Seconds since 1970 of the evaluation; 0 without one."""
        return self.evaluation.content.time.timestamp() if self.evaluation else 0.0


NOTHING = OperatorCard()
CardSource = Callable[[], OperatorCard]


def card_source(settings: GatewaySettings) -> CardSource:
    """Return a function that gives the card as its files are now; raise SettingsError for a file
    that cannot be used. One that is damaged later leaves the last good content in force."""
    file = settings.model_card
    if file is None:
        return lambda: NOTHING
    key = settings.audit_key.get_secret_value() if settings.audit_key else None
    try:
        first = read(file, key)
    except FileUnusable as problem:
        raise SettingsError(f"MMHIE_MODEL_CARD is {file}: {problem}.") from None
    watched = WatchedFile(
        file,
        *([report_of(file, first.supplied)] if first.evaluation and first.supplied else []),
        read=lambda: read(file, key),
        initial=first,
        name="MMHIE_MODEL_CARD",
    )
    watched.skip()
    return watched.current


def read(file: Path, key: str | None) -> OperatorCard:
    """Return the file and the report that it names; raise FileUnusable."""
    card = supplied.read(file)
    report = evaluation.read(report_of(file, card), key) if card.evaluation_report else None
    return OperatorCard(card, report)


def report_of(file: Path, card: Supplied) -> Path:
    """Return the path of the report: relative to the card's folder, or absolute."""
    return file.parent / Path(card.evaluation_report).expanduser()
