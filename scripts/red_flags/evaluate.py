"""`python -m scripts.red_flags.evaluate [--once]`: measure how red flags are noticed.

It reads the release sets, alone and in company (`tests/gateway/safety/red_flags/company/`); with
`--once` a new set is scored first.
It writes docs/red-flags/evaluation.json; the tables of docs/red-flags.md are kept by hand.
"""

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from gateway.api.request_text import Turn
from gateway.safety.red_flags.detection import RedFlags, detect
from gateway.safety.red_flags.model import model
from tests.gateway.safety.red_flags.frozen import FOLDERS, RELEASES, Case, cases, languages_of

ROOT = Path(__file__).parents[2]
RECORD = ROOT / "docs" / "red-flags" / "evaluation.json"
COMPANY = ROOT / "tests" / "gateway" / "safety" / "red_flags" / "company"
RECORD_SIZES = (1_500, 8_000, 30_000)  # characters
TYPED = "typing errors"
LENGTHS = {6: "up to 6 words", 12: "7 to 12 words", 30: "13 to 30 words"}
LONGER = "more words"
SERIOUS = {"self-harm": "MED104", "poisoning": "MED105"}
Company = tuple[str, ...]  # turns of a conversation, one of them with a place for the text


def main() -> None:
    parser = argparse.ArgumentParser(prog="scripts.red_flags.evaluate", description=__doc__)
    parser.add_argument("--once", action="store_true", help="a new set, scored before it is known")
    options = parser.parse_args()
    earlier = json.loads(RECORD.read_text("utf-8"))
    newest = [case for each in languages_of(RELEASES[-1]) for case in cases(each, RELEASES[-1])]
    now = {"name": RELEASES[-1].name, **figures(newest)}
    record = {
        "threshold": model().threshold,
        "rises": model().rises,
        "once": now if options.once else earlier["once"],
        "newest": now,
        "company": list(in_company(newest)),
        "known": [known(folder) for folder in FOLDERS[:-1]],
    }
    RECORD.write_text(json.dumps(record, indent=1) + "\n", "utf-8")


def screen(*texts: str) -> RedFlags:
    """Return the red flags of a user's turns, with the default settings."""
    return detect([Turn("user", text) for text in texts], model().threshold)


def is_noticed(*texts: str) -> bool:
    return bool(screen(*texts).now)


def figures(texts: Sequence[Case]) -> dict[str, Any]:
    """Return the figures of a release set."""
    emergencies = [case for case in texts if case.is_emergency]
    named = [case for case in emergencies if case.topic and flags(case)]
    return {
        "languages": by(texts, lambda case: case.language),
        "lengths": by(texts, length),
        "topics": by(emergencies, lambda case: case.topic or ""),
        "others": by([each for each in texts if not each.is_emergency], lambda case: case.kind),
        "first_topic_right": share(named, lambda case: flags(case)[0] == case.topic),
        "topic_named": share(named, lambda case: case.topic in flags(case)),
        "typed": share([each for each in emergencies if each.kind.startswith(TYPED)]),
        **{
            name: share([each for each in emergencies if each.topic == topic])
            for name, topic in SERIOUS.items()
        },
    }


def length(case: Case) -> str:
    """Return the group of a text by its number of words."""
    words = len(case.text.split())
    return next((name for most, name in LENGTHS.items() if words <= most), LONGER)


@cache
def flags(case: Case) -> Sequence[str]:
    """Return the topics that a text raises alone."""
    return screen(case.text).now


def by(texts: Sequence[Case], group: Callable[[Case], str]) -> list[dict[str, Any]]:
    """Count the emergencies and the other texts of each group, and how many are noticed."""
    return [
        {"group": name, "emergency": label, **share(chosen)}
        for name in dict.fromkeys(map(group, texts))
        for label in (True, False)
        if (
            chosen := [each for each in texts if group(each) == name and each.is_emergency == label]
        )
    ]


def share(texts: Sequence[Case], is_hit: Callable[[Case], object] = flags) -> dict[str, int]:
    """Count the texts, and those that are noticed, or hit by another measure."""
    return {"texts": len(texts), "noticed": sum(map(bool, map(is_hit, texts)))}


def in_company(texts: Sequence[Case]) -> Iterator[dict[str, Any]]:
    """Count for each company the texts that are noticed alone, and in it."""
    counts: dict[str, dict[str, int]] = {}
    for number, case in enumerate(texts):
        for name, place in companies(case.language, number):
            count = counts.setdefault(
                name, dict.fromkeys(("alone", "kept", "others", "alarms", "before"), 0)
            )
            noticed = is_noticed(*(turn.replace("{text}", case.text) for turn in place))
            if case.is_emergency:
                count["alone"] += bool(flags(case))
                count["kept"] += noticed
            else:
                count["others"] += 1
                count["before"] += bool(flags(case))
                count["alarms"] += noticed
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
