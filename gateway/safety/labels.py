"""The labels of every model output: disclaimer, provenance, notices."""

import math
import secrets
import time
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import NamedTuple

from gateway.json_types import Json
from gateway.safety import provenance, second_reader
from gateway.safety.disclaimer import Disclaimer
from gateway.safety.languages import SCREENED
from gateway.safety.red_flags import screening
from gateway.safety.red_flags.model import GENERAL, model
from gateway.safety.red_flags.notices import notice, rules_version
from gateway.safety.request_text import Turn
from gateway.safety.second_reader import NoticeReader
from gateway.safety.wording import NO_CONTACTS, Audience, Contacts, Wording, wording
from gateway.timestamps import rfc3339

GATEWAY_VERSION = version("mmhie-server")


class Screening(NamedTuple):
    """Notices for a conversation; of these the ids that a later turn has resolved; and the ids that
    nothing but an application's own text raises, which get no notice; and whether the second reader
    is to be asked."""

    notices: Sequence[Mapping[str, str]] = ()
    resolved: Sequence[str] = ()
    in_setting: Sequence[str] = ()
    is_unsure: bool = False


Screenings = Generator[None, None, Screening]


@dataclass(frozen=True, slots=True)
class Labels:
    """Makes the labels of one gateway; `key` is the key of the digests."""

    disclaimer: Disclaimer
    key: bytes
    wording: Wording
    audience: Audience
    names: Mapping[str, str]  # of whom to call
    emergency_note: str
    threshold: float  # log-odds from which there is a notice
    notice_rules: str | None  # their version; None: nothing is screened
    reader: NoticeReader = "off"

    @classmethod
    def of(  # noqa: PLR0913 - one for each setting
        cls,
        disclaimer: Disclaimer,
        *,
        key: str | None = None,
        words: Wording | None = None,
        audience: Audience = "clinician",
        contacts: Contacts = NO_CONTACTS,
        threshold: float | None = None,
        reader: NoticeReader = "off",
    ) -> "Labels":
        """Return the labels; without a key, digests compare within one run only."""
        secret = key.encode() if key else secrets.token_bytes(32)
        words = words or wording(disclaimer.language)
        names = words.names_of(contacts, audience)
        note = words.note_for(contacts, audience)
        odds, rules = math.inf, None
        if audience != "off":
            odds = model().threshold if threshold is None else log_odds(threshold)
            rules = rules_version(words, audience, [str(odds), *names.values(), reader])
        return cls(disclaimer, secret, words, audience, names, note, odds, rules, reader)

    def screen(self, turns: Sequence[Turn]) -> Screenings:
        """Screen the turns of a conversation in short steps; the notices need no answer. None where
        nobody is to read them."""
        if self.audience == "off":
            return Screening()
        raised = yield from screening.screening_of(turns, self.threshold)
        notices = [self._notice(topic) for topic in raised.now]
        notices += [self._notice(topic, is_earlier=True) for topic in raised.earlier]
        is_unsure = self.reader == "model" and second_reader.is_unsure(raised.odds, self.threshold)
        return Screening(notices, raised.earlier, raised.in_setting, is_unsure)

    def read_by_model(self) -> Mapping[str, str]:
        """Return the notice that the second reader adds, marked as its own."""
        return {**self._notice(GENERAL), "reader": "model"}

    @property
    def languages(self) -> Sequence[str]:
        """Return the languages that are screened."""
        return SCREENED if self.audience != "off" else ()

    def _notice(self, topic: str, *, is_earlier: bool = False) -> Mapping[str, str]:
        words, names = self.wording, self.names
        return notice(topic, words, self.audience, names, is_earlier=is_earlier)

    def initial(
        self,
        serving: provenance.Serving,
        request: Json,
        *,
        request_id: str,
        prompt: bytes,
        notices: Sequence[Mapping[str, str]] = (),
    ) -> Json:
        """Return the labels before the first token; of `prompt` they hold a digest."""
        call = provenance.Call(
            request_id=request_id,
            time=rfc3339(time.time()),
            prompt_digest=provenance.keyed_digest(self.key, prompt),
            reasoning_effort=effort_in(request),
            sampling=provenance.sampling(request),
            notice_rules=self.notice_rules,
        )
        return provenance.static(self.disclaimer, self.emergency_note, serving, call, notices)


def effort_in(request: Json) -> str | None:
    """Return the reasoning effort that a request names; /v1/messages has it one level down."""
    config = request.get("output_config")
    nested = config.get("effort") if isinstance(config, dict) else None
    effort: str | None = request.get("reasoning_effort") or nested
    return effort


def log_odds(chance: float) -> float:
    """Return the log-odds of a probability over 0."""
    return math.log(chance / (1 - chance)) if chance < 1 else math.inf
