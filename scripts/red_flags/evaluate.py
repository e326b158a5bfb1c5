"""`python -m scripts.red_flags.evaluate [--once]`: measure how red flags are noticed.

It reads the release sets, alone and in company (`tests/gateway/safety/red_flags/company/`); with
`--once` a new set is scored first.
It writes docs/red-flags/evaluation.json; the tables of docs/red-flags.md are kept by hand.
"""

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from gateway.api.request_text import Turn
from gateway.safety.red_flags.detection import detect
from gateway.safety.red_flags.model import model
from tests.gateway.safety.red_flags.frozen import FOLDERS, RELEASES, Case, cases, languages_of

ROOT = Path(__file__).parents[2]
RECORD = ROOT / "docs" / "red-flags" / "evaluation.json"
COMPANY = ROOT / "tests" / "gateway" / "safety" / "red_flags" / "company"
RECORD_SIZES = (1_500, 8_000, 30_000)  # characters
LENGTHS = {6: "up to 6 words", 12: "7 to 12 words", 30: "13 to 30 words"}
Company = tuple[str, ...]  # turns of a conversation, one of them with a place for the text


def main() -> None:
    earlier = json.loads(RECORD.read_text("utf-8"))
    newest = [case for each in languages_of(RELEASES[-1]) for case in cases(each, RELEASES[-1])]
    now = {"name": RELEASES[-1].name, **figures(newest)}
    record = {
        "threshold": model().threshold,
        "rises": model().rises,
        "once": now if "--once" in sys.argv else earlier["once"],
        "newest": now,
        "company": list(in_company(newest)),
        "known": [known(folder) for folder in FOLDERS[:-1]],
    }
    RECORD.write_text(json.dumps(record, indent=1) + "\n", "utf-8")


def is_noticed(*texts: str) -> bool:
    """Return whether a user's turns raise a notice, with the default settings."""
    return bool(detect([Turn("user", text) for text in texts], model().threshold).now)


def figures(texts: Sequence[Case]) -> dict[str, Any]:
    """Return the figures of a release set."""
    return {
        "languages": by(texts, lambda case: case.language),
        "lengths": by(texts, length),
        "topics": by([each for each in texts if each.is_emergency], lambda case: str(case.topic)),
        "others": by([each for each in texts if not each.is_emergency], lambda case: case.kind),
    }


def length(case: Case) -> str:
    """Return the group of a text by its number of words."""
    words = len(case.text.split())
    return next((name for most, name in LENGTHS.items() if words <= most), "more words")


def by(texts: Sequence[Case], group: Callable[[Case], str]) -> list[dict[str, Any]]:
    """Count the emergencies and the other texts of each group, and how many are noticed alone."""
    counts: dict[tuple[str, bool], list[bool]] = {}
    for case in texts:
        counts.setdefault((group(case), case.is_emergency), []).append(is_noticed(case.text))
    return [
        {"group": name, "emergency": label, "texts": len(noticed), "noticed": sum(noticed)}
        for (name, label), noticed in counts.items()
    ]


def in_company(texts: Sequence[Case]) -> Iterator[dict[str, Any]]:
    """Count for each company the texts that are noticed alone, and in it."""
    counts: dict[str, Counter[str]] = {}
    for number, case in enumerate(texts):
        for name, place in companies(case.language, number):
            noticed = is_noticed(*(turn.replace("{text}", case.text) for turn in place))
            count = counts.setdefault(name, Counter(alone=0, kept=0, others=0, alarms=0))
            if case.is_emergency:
                count.update(alone=is_noticed(case.text), kept=noticed)
            else:
                count.update(others=1, alarms=noticed)
    return ({"company": name, **count} for name, count in counts.items())


def companies(language: str, number: int = 0) -> Iterator[tuple[str, Company]]:
    """Yield the companies of a language with their names; `number` chooses the first document."""
    table = json.loads((COMPANY / f"{language}.json").read_text("utf-8"))
    for kind, sentences in table["sentences"].items():
        for sentence in sentences:
            yield f"{kind}, after", ("{text} " + sentence,)
            yield f"{kind}, before", (sentence + " {text}",)
            yield f"{kind}, around", (sentence + " {text} " + sentence,)
    documents = table["record"]
    first = number % len(documents)
    record = "\n".join([*documents[first:], *documents[:first], ""])
    for size in RECORD_SIZES:
        beside = (record * (size // len(record) + 1))[:size]
        yield f"record of {size / 1000:g} KB, after", ("{text}\n" + beside,)
        yield f"record of {size / 1000:g} KB, before", (beside + "\n{text}",)
    for pair in table["turns"]:
        yield "two more turns", ("{text}", *pair)


def known(folder: Path) -> dict[str, Any]:
    """Return the figures of a known set, by language."""
    texts = [case for each in languages_of(folder) for case in cases(each, folder)]
    return {"name": folder.name, "languages": by(texts, lambda case: case.language)}


if __name__ == "__main__":
    main()
