"""The words that turn a sign into something else than an emergency, by language."""

from gateway.safety.red_flags.triggers import de, en, es
from gateway.safety.red_flags.triggers.table import Triggers

TRIGGERS: dict[str, Triggers] = {"en": en.TRIGGERS, "de": de.TRIGGERS, "es": es.TRIGGERS}
