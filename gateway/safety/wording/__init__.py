"""The service's own sentences, with one file for each language.

`MMHIE_WORDING_FILE` adds or replaces a language: it is a copy of `de.toml` with every entry.
"""

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints, ValidationError

from gateway.errors import GatewayError

Audience = Literal["clinician", "patient", "off"]


class Contacts(NamedTuple):
    """A site's contacts for an emergency and a crisis; None means those of the wording."""

    emergency: str | None = None
    crisis: str | None = None


NO_CONTACTS = Contacts()
Sentence = Annotated[str, StringConstraints(min_length=1, pattern=r"\S")]


def takes(*names: str) -> AfterValidator:
    """Return a check that a sentence has no placeholders other than these."""

    def check(sentence: str) -> str:
        try:
            sentence.format(**dict.fromkeys(names, ""))
        except (KeyError, IndexError, ValueError):
            raise ValueError(f"takes {names} in braces and nothing else") from None
        return sentence

    return AfterValidator(check)


WithContact = Annotated[Sentence, takes("contact")]
WithLines = Annotated[Sentence, takes("contact", "crisis_line")]
WithSummary = Annotated[Sentence, takes("contact", "summary")]
LANGUAGES = ("en", "de", "es", "fr")


class Table(BaseModel):
    """A table of a wording file; missing and unknown entries are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class NoticeWording(Table):
    """A red flag's name, and its sentence for each audience, with `{contact}` and
    `{crisis_line}`."""

    summary: Sentence
    clinician: WithLines
    patient: WithLines


class EarlierWording(Table):
    """Sentences about a red flag that a later turn has resolved, with `{summary}` and
    `{contact}`."""

    clinician: WithSummary
    patient: WithSummary


class ContactWording(Table):
    """The default contact in an emergency, for each audience."""

    clinician: Sentence
    patient: Sentence


class Cut(Table):
    """Names of the truncated part, by the values of `truncated`."""

    in_answer: Sentence
    in_reasoning: Sentence
    input: Sentence


class Wording(Table):
    """One language; `downtime` has `{since}` and `{reason}`, `questions` and `emergency_note` have
    `{contact}`."""

    disclaimer: Sentence
    emergency_note: WithContact
    crisis_line: Sentence
    contact: ContactWording
    not_triage: Sentence
    downtime: Annotated[Sentence, takes("since", "reason")]
    questions: WithContact
    interrupted: Sentence
    cut: Cut
    errors: Mapping[str, Sentence]
    earlier: EarlierWording
    notices: Mapping[str, NoticeWording]

    def names_of(self, contacts: Contacts, audience: Audience) -> dict[str, str]:
        """Return the contacts by placeholder; if notices are off, those for patients."""
        ours = self.contact.clinician if audience == "clinician" else self.contact.patient
        return {
            "contact": contacts.emergency or ours,
            "crisis_line": contacts.crisis or self.crisis_line,
        }

    def notice(
        self, topic: str, audience: Audience, names: Mapping[str, str], *, is_earlier: bool = False
    ) -> dict[str, str]:
        """Return the notice of a topic, with the contacts in `names`; with `is_earlier`, it says
        that the topic was raised earlier. It quotes nothing of the conversation."""
        words = self.notices[topic]
        sentences: NoticeWording | EarlierWording = self.earlier if is_earlier else words
        message = sentences.patient if audience == "patient" else sentences.clinician
        return {
            "id": topic,
            "type": "emergency",
            "summary": words.summary,
            "message": message.format(**names, summary=words.summary),
            "not_triage": self.not_triage,
        }

    def note_for(self, contacts: Contacts, audience: Audience) -> str:
        """Return the sentence that this is not an emergency detector, with the contact."""
        return self.emergency_note.format(**self.names_of(contacts, audience))

    def error(self, error: GatewayError) -> str:
        """Return the translated sentence for an error's code, or the error's own."""
        return self.errors.get(error.code, error.message)

    def closing(self, truncated: str) -> str:
        """Return the closing line of a truncated text."""
        return f"[{getattr(self.cut, truncated)}]"


def read(path: Path) -> Wording:
    """Return the wording in a file; raise ValueError with its first fault."""
    try:
        return Wording.model_validate(tomllib.loads(path.read_text("utf-8")))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ValueError(f"{path}: {where}: {first['msg']}.") from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise ValueError(f"{path} cannot be read as a wording file ({why}).") from None


@cache
def built_in(language: str) -> Wording:
    return read(Path(__file__).with_name(f"{language}.toml"))


def wording(language: str, file: Path | None = None) -> Wording:
    """Return the wording for a language tag: that of the file, if any; English for an unknown
    language. Raise ValueError for a wrong file."""
    if file is not None:
        return require_complete(read(file), file)
    primary = language.split("-")[0]
    return built_in(primary if primary in LANGUAGES else "en")


def require_complete(found: Wording, file: Path) -> Wording:
    """Return a wording that has a sentence for every notice and error; else raise ValueError."""
    wanted = {"notices": built_in("en").notices, "errors": built_in("de").errors}
    for table, names in wanted.items():
        missing = sorted(set(names) - set(getattr(found, table)))
        if missing:
            raise ValueError(f"{file}: [{table}] lacks {', '.join(missing)}.")
    return found
