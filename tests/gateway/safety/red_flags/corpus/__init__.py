"""Texts that red-flag rules are tested on, and the rules that notice a text."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from gateway.safety.red_flags.notices import red_flags

CORPUS = Path(__file__).parent
UNTUNED = CORPUS / "untuned"


def ids(text: str, languages: Sequence[str] = ("en",)) -> list[str]:
    """Return the ids of the rules that notice a text."""
    return [rule.id for rule in red_flags(tuple(languages)).raised(text)]


def ordinary(language: str = "", folder: Path = CORPUS) -> list[str]:
    """Questions that are no emergency; English without a language."""
    files = sorted(folder.glob(f"*ordinary{language}.txt"))
    return [line for file in files for line in file.read_text(encoding="utf-8").splitlines()]


def vignettes(language: str = "", folder: Path = CORPUS) -> list[dict[str, str]]:
    """Red flags, each with the rule that has to see it."""
    files = sorted(folder.glob(f"*vignettes{language}.jsonl"))
    lines = [line for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    return [json.loads(line) for line in lines]


def pairs(texts: Mapping[str, Sequence[str]]) -> list[tuple[str, str]]:
    """Texts by rule, as pairs of a rule's id and a text."""
    return [(rule, text) for rule, those in texts.items() for text in those]
