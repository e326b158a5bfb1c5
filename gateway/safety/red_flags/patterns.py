"""Patterns as rules and triggers write them: named words, signs near each other, spellings."""

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

# Letters with marks, as people type them in a hurry: without the mark, or spelt out.
TYPED: Mapping[str, str] = {
    **{marked: bare for marked, bare in zip("áéíóúñ", "aeioun", strict=True)},
    "ä": "ae",
    "ö": "oe",
    "ü": "ue",
    "ß": "ss",
}
EITHER = str.maketrans({marked: f"(?:{marked}|{bare})" for marked, bare in TYPED.items()})

# Up to six words between two signs, none of them a negation ("lips are not swollen"), in any of the
# languages. Both kinds of run are bounded: linear time, whatever the text.
NEGATION = (
    r"(?:not|no|without|never|den(?:y|ies|ied)|(?:is|are|was|does|do|did|has|have)n|kein\w*|nicht|"
    r"ohne|sin|niega)\b"
)
BETWEEN = rf"\W{{1,5}}(?:(?!{NEGATION})\w{{1,30}}\W{{1,5}}){{0,6}}?"

SHARED = tomllib.loads(Path(__file__).with_name("words.toml").read_text("utf-8"))
NAME = re.compile(r"\{([a-z_]+)\}")  # never a quantifier, which has digits
Sign = str | Sequence[str]
Expand = Callable[[str], str]


def read(path: Path) -> tuple[dict[str, Any], Expand]:
    """Read a data file; return it with what replaces `{name}` by the alternatives of `[words]`."""
    table = tomllib.loads(path.read_text("utf-8"))
    words = {"between": BETWEEN}

    def expand(text: str) -> str:
        return NAME.sub(lambda found: words[found[1]], text)

    for name, alternatives in (SHARED | table.pop("words", {})).items():
        words[name] = expand("|".join(alternatives))
    return table, expand


def alternatives(signs: Sequence[Sign], expand: Expand) -> str:
    """Join signs into the source of one pattern; a pair of signs is `near` each other."""
    each = (sign if isinstance(sign, str) else near(*map(expand, sign)) for sign in signs)
    return spelled("|".join(expand(sign) for sign in each))


def near(left: str, right: str) -> str:
    """Return a pattern of two signs in either order with a few words between."""
    return f"(?:{left}){BETWEEN}(?:{right})|(?:{right}){BETWEEN}(?:{left})"


def spelled(pattern: str) -> str:
    """Return a pattern that matches either spelling; no class of it may have a marked letter."""
    return pattern.translate(EITHER)
