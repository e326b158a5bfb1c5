"""The disclaimer that accompanies every model output."""

import hashlib
import re
from dataclasses import dataclass
from functools import cached_property

from gateway.safety.wording import LANGUAGES, Contacts, Wording, built_in, wording
from gateway.settings.gateway import GatewaySettings, SettingsError

DEFAULT_VERSION = "1.0.0"
TRANSLATED_VERSION = "1.0.1"  # shorter than 1.0.0: two lines of a phone
DISCLAIMER_ID = "mmhie-safety-notice"

# BCP 47, as far as a header-safe version string needs it.
LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*")


@dataclass(frozen=True)
class Disclaimer:
    """A version of the disclaimer; `text` is everything that a reader sees, contact included."""

    id: str
    version: str
    text: str
    contact: str | None
    language: str

    @classmethod
    def of(
        cls, text: str | None = None, contact: str | None = None, language: str = "en"
    ) -> "Disclaimer":
        """Return the configured disclaimer; raise ValueError for a blank or missing text."""
        statement = _statement(text, language)
        line = contact.strip() if contact else ""
        shown = f"{statement} {line}" if line else statement
        return cls(DISCLAIMER_ID, _version(shown, language), shown, line or None, language)

    @cached_property
    def sha256(self) -> str:
        """Return the hex digest of the full text in UTF-8."""
        return _digest(self.text)

    @cached_property
    def as_dict(self) -> dict[str, str]:
        return {"id": self.id, "version": self.version, "sha256": self.sha256, "text": self.text}


def default_text(language: str = "en") -> str:
    return built_in(language).disclaimer


def wording_of(settings: GatewaySettings) -> Wording:
    """Return the sentences for these settings; raise SettingsError for a wrong file."""
    try:
        return wording(settings.disclaimer_language, settings.wording_file)
    except ValueError as problem:
        raise SettingsError(f"MMHIE_WORDING_FILE: {problem}") from None


def disclaimer_of(settings: GatewaySettings) -> Disclaimer:
    """Return the disclaimer for these settings; raise SettingsError."""
    text = settings.disclaimer_text
    if text is None and settings.wording_file is not None:
        text = wording_of(settings).disclaimer
    try:
        return Disclaimer.of(text, settings.disclaimer_contact, settings.disclaimer_language)
    except ValueError as problem:
        raise SettingsError(str(problem)) from None


def contacts_of(settings: GatewaySettings) -> Contacts:
    return Contacts(settings.emergency_contact, settings.crisis_line)


def emergency_note_of(settings: GatewaySettings) -> str:
    """Return the sentence that this is not an emergency detector; raise SettingsError."""
    return wording_of(settings).note_for(contacts_of(settings), settings.audience)


def _statement(text: str | None, language: str) -> str:
    if not LANGUAGE.fullmatch(language):
        raise ValueError("MMHIE_DISCLAIMER_LANGUAGE must be a tag such as en, de or pt-BR.")
    if text is None and language not in LANGUAGES:
        known = ", ".join(LANGUAGES)
        raise ValueError(
            f"There is no built-in disclaimer in this language (only {known}); set "
            "MMHIE_WORDING_FILE, or MMHIE_DISCLAIMER_TEXT for the disclaimer alone."
        )
    statement = default_text(language) if text is None else text.strip()
    if not statement:
        raise ValueError("MMHIE_DISCLAIMER_TEXT is blank; every answer needs a disclaimer.")
    return statement


def _version(shown: str, language: str) -> str:
    """Return a header-safe version; a custom text is named by its digest."""
    if language in LANGUAGES and shown == default_text(language):
        return DEFAULT_VERSION if language == "en" else f"{TRANSLATED_VERSION}-{language}"
    return f"custom-{_digest(shown)[:12]}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
