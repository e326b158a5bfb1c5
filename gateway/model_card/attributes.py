"""The 31 source attributes of 45 CFR 170.315(b)(11)(iv)(B), from `attributes.toml`."""

import tomllib
from pathlib import Path
from typing import NamedTuple

REGULATION = "45 CFR 170.315(b)(11)(iv)(B)"
TABLES = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))


class Attribute(NamedTuple):
    """A source attribute; `paragraph` follows `REGULATION`, `text` is the regulation's wording.

    `measure` says what has to be measured for an answer.
    """

    id: str
    paragraph: str
    text: str
    measure: str = ""

    @property
    def group(self) -> str:
        """Return the title of the paragraph above it."""
        title: str = TABLES["groups"][self.paragraph[1]]
        return title


ATTRIBUTES = tuple(Attribute(name, **entry) for name, entry in TABLES["attributes"].items())
