"""docs/red-flags.md: how red flags are found, and how well, from two records.

The card is written by training, docs/red-flags/evaluation.json by
`python -m scripts.red_flags.evaluate`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from gateway.safety.red_flags.classifier.model import CARD
from gateway.safety.wording import built_in
from scripts.red_flags.evaluate import PREVALENCES, RECORD, interval, predictive
from scripts.render.page import ROOT, table

Row = Mapping[str, Any]
LOOP_HOLDS = RECORD.with_name("loop-holds.json")
LANGUAGE = {"en": "English", "de": "German", "es": "Spanish", "fr": "French"}
OF_TEXTS = {**LANGUAGE, "any": "other or none"}

INTRO = """# Red-flag classifier

How well the notices of [Safety](safety.md#red-flag-notices) work on texts that nothing was
trained on, and the card of the classifier behind them. Shares are of texts with any notice, with
their 95 % interval (Wilson). Rules are in English, German, Spanish; the classifier reads French,
too.

**Read this first.** No figure is of real patients; validate on your own texts before you rely on
any.

*The release set* was written in one go when the classifier was trained already, and scored once,
for this release: nothing was trained or tuned on it. Its author is that of the rules and of the
training texts, whose vocabulary is one person's. The rules of `MED116` to `MED125` were written
after it and in knowledge of it, so that the figures without rules are the cleaner ones. Its
German, Spanish and French texts are for the most part the same situations, which makes their
figures one finding rather than three.

*The frozen part* is older, and its figures are optimistic. It was written before the classifier,
by the author who then wrote the training texts. Its totals were looked at between rounds of
training, and lines that were added later name situations that it has, too, in other words. The
first round, before that, noticed 81 % of the English emergencies and 8 % of the other English
texts (German 100 % and 15 %, Spanish 96 % and 15 %, French 92 % and 19 %). Before texts without
medical content were added, it was 85 % and 4 %, and greetings were taken for emergencies. Three
trainings with them were compared on it: 78 % and 3 %; with more errors of typing 84 % and 5 %;
with these and more texts without content, the one that is shipped, 81 % and 4 % (before the
rules for ten more conditions). So the choice was made with its help. The public sources were
looked at between rounds as well, but of their texts no more than a handful was read, for the
format.
"""

GOALS = {"en": (0.7, 0.05), "de": (0.7, 0.05), "es": (0.7, 0.05), "fr": (0.6, 0.05)}
RELEASE = """
Goals: seven of ten emergencies noticed, six in French, and one other text in twenty at most.

"""

PREDICTIVE = """Positive predictive value of the release set's figures, at three shares of
emergencies among messages: over the interval of the share of other texts that get a notice.

"""
CALIBRATION = """The classifier's estimate in five bins, and the share of the frozen texts in each
that are emergencies.

"""
SOURCES_NOTE = """
HealthBench's labels are of its themes: some of the others are emergencies on reading; every second
one of its others was trained on. Semigran's cases are worded like exam items ("A 48-year-old woman
presents ..."), and are taken for such: nearly all training texts in that form are exam items, which
are no emergencies whatever they tell. A remedy needs cases in that form with labels of their
urgency. ClinicaFlow's are given without their vital signs.
"""

RULES = """
On the frozen part and on all public sources, those that were trained on among them: how often a
rule names a reason, in emergencies and in others; *alone* where neither another rule nor the
classifier would have raised a notice. A rule is worth its place for the reason it names, as long
as it is right far more often than wrong; some of the wrong ones are emergencies on reading. A
rule without a number met no text of its kind here. No whole rule was wrong more often than
right; twelve of their signs were, on the texts that training uses, and are gone:
"exsanguinat..." (0 right, 6 wrong), "plan suicide" as a subject (0 and 6), "Hodentorsion" by
itself (0 and 6) and its Spanish word, "Luftnot" by itself (1 and 8), "disnea" by itself (1 and
5), German "STEMI", "...stillstand" and "angeschossen" (0 and 2 each), "Suizidgedanken" by itself
(0 and 1), and a double of "slurred speech". Of 513 signs 124 met no text at all; they stay, as
standard words for what they name.

"""

CARD_TEXT = """
## Card

Trained {trained}; {method}; {texts:,} texts, {emergencies:,} of them emergencies. Cross-validated
over groups of texts with a common origin, at an estimate of {cv_threshold:.2f}:
{cv_sensitivity:.0%} of passages of emergencies, {cv_alarms:.0%} of others.
`python -m scripts.red_flags.train` made it, byte for byte, of the texts and rules of that day.

"""
PUBLIC = """Public sets, fetched by commit and digest (`scripts/red_flags/sources.toml`); nothing of
them is kept here:

"""
OWN = """
Texts of our own (`scripts/red_flags/texts/`, and the corpus of the rules), with their variants;
among the others those without medical content: greetings, commands, small talk, code, noise.

"""
LOOP = """
A text of more than 4 KB is read in a thread. What its request still does on the event loop delays
everybody's next token by its longest step at most: in processor time of the loop's thread, over
fifteen requests (`python -m tests.bench.loop_holds`). Above some megabytes, which a gateway takes
only with a larger `MMHIE_MAX_BODY_BYTES`, it is not the screening that takes the time but counting
what the body will take in memory; and its JSON is parsed under the interpreter's lock, in as long
again.

"""
THRESHOLDS = """
Our own messages by `MMHIE_NOTICE_THRESHOLD`, cross-validated, by the classifier alone: a notice in
emergencies / in others. German, Spanish and French have a third of the English lines; 0.8 brings
their false alarms to one in twenty, and costs seven or eight emergencies in a hundred.

"""
MATCHES = """
Matches of rules, by the classifier's estimate (cross-validated): below the chosen 0.2 a match is
suppressed.

"""


def pages() -> dict[Path, str]:
    record = json.loads(RECORD.read_text("utf-8"))
    card = json.loads(CARD.read_text("utf-8"))
    return {ROOT / "docs" / "red-flags.md": INTRO + "".join(sections(record, card))}


def sections(record: Row, card: Row) -> Iterator[str]:
    yield from release_sections(record["release"])
    yield from frozen_sections(record)
    yield from calibration_section(record)
    yield from source_section(record)
    yield from rule_section(record)
    yield from cost_section(record)
    yield from loop_section(json.loads(LOOP_HOLDS.read_text("utf-8")))
    yield from card_sections(card)


def release_sections(release: Row) -> Iterator[str]:
    (languages,), (alone,), (kinds,) = (
        release[name] for name in ("languages", "without_rules", "kinds")
    )
    yield "\n## Release set, by language\n"
    yield RELEASE
    yield table(
        ["language", "emergencies noticed", "goal", "other texts noticed", "goal"],
        [beside_goals(languages["rows"], name) for name in LANGUAGE],
    )
    yield "\nThe same without rules: by the classifier and the vital signs alone.\n\n"
    yield table(
        ["language", "emergencies noticed", "other texts noticed"],
        [[LANGUAGE[name], *map(share, both(alone["rows"], name))] for name in LANGUAGE],
    )
    yield "\n## Release set, English, by kind\n\n"
    yield by_kind(kinds["rows"])
    yield "\n## How many notices are right\n\n"
    yield PREDICTIVE
    yield table(
        ["language", *(f"{prevalence:.0%} emergencies" for prevalence in PREVALENCES)],
        [predicted(languages["rows"], name) for name in LANGUAGE],
    )


def beside_goals(rows: Sequence[Row], name: str) -> list[str]:
    """Return a language's shares, each with what has become of its goal."""
    cases, others = both(rows, name)
    least, most = GOALS[name]
    found = cases["fired"] / cases["texts"] >= least
    quiet = others["fired"] / others["texts"] <= most
    return [
        LANGUAGE[name],
        share(cases),
        f"{least:.0%}: {'met' if found else 'missed'}",
        share(others),
        f"{most:.0%}: {'met' if quiet else 'missed'}",
    ]


def by_kind(rows: Sequence[Row]) -> str:
    return table(
        ["texts", "kind", "noticed"],
        [
            ["emergencies" if row["emergency"] else "others", row["group"], share(row)]
            for row in rows
        ],
    )


def rule_section(record: Row) -> Iterator[str]:
    yield "\n## What each rule adds\n"
    yield RULES
    names = built_in("en").notices
    yield table(
        ["rule", "", "right", "wrong", "right alone", "wrong alone"],
        [
            [row["rule"], names[row["rule"]].summary, *map(number, list(row.values())[1:])]
            for row in record["rules"]
        ],
    )


def number(count: int) -> str:
    return str(count) if count else ""


def frozen_sections(record: Row) -> Iterator[str]:
    (languages,), (kinds,) = record["languages"], record["kinds"]
    yield "\n## Frozen part, by language\n\n"
    yield table(
        ["language", "emergencies noticed (sensitivity)", "other texts noticed", "specificity"],
        [by_language(languages["rows"], name) for name in LANGUAGE],
    )
    yield "\n## Frozen part, English, by kind\n\n"
    yield by_kind(kinds["rows"])


def calibration_section(record: Row) -> Iterator[str]:
    yield "\n## Calibration\n\n"
    yield CALIBRATION
    yield table(
        ["estimated", "observed", "texts", ""],
        [
            [f"{one['estimated']:.2f}", f"{one['observed']:.2f}", one["texts"], bar(one)]
            for one in record["calibration"]
        ],
    )


def source_section(record: Row) -> Iterator[str]:
    yield "\n## Public sources that nothing was trained on\n\n"
    yield table(
        ["source", "licence", "texts", "kind", "noticed"],
        [
            [
                source["name"],
                source["licence"],
                "emergencies" if row["emergency"] else "others",
                row["kind"],
                share(row),
            ]
            for source in record["sources"]
            for row in source["rows"]
        ],
    )
    yield SOURCES_NOTE


def cost_section(record: Row) -> Iterator[str]:
    yield "\n## Cost\n\n"
    yield table(
        ["text", "processor time"],
        [[name, f"{cost:,.0f} µs"] for name, cost in record["cost_us"].items()],
    )


def loop_section(record: Row) -> Iterator[str]:
    yield "\n## Beside other streams\n"
    yield LOOP
    yield table(
        ["text", "longest step, median", "worst"],
        [
            [one["text"], f"{one['median_ms']:.1f} ms", f"{one['worst_ms']:.1f} ms"]
            for one in record["texts"]
        ],
    )


def card_sections(card: Row) -> Iterator[str]:
    checked = card["cross_validation"]
    yield CARD_TEXT.format(**card, **{f"cv_{name}": value for name, value in checked.items()})
    yield PUBLIC
    yield table(
        ["set", "licence", "repository", "commit"],
        [
            [one["name"], one["licence"], one["repository"], f"`{one['commit'][:12]}`"]
            for one in card["public"]
        ],
    )
    yield OWN
    yield table(
        ["language", "kind", "texts", "number"],
        [
            [
                OF_TEXTS[one["language"]],
                one["kind"],
                "emergencies" if one["emergency"] else "others",
                one["texts"],
            ]
            for one in card["own"]
        ],
    )
    yield THRESHOLDS
    steps = list(dict.fromkeys(one["threshold"] for one in card["by_threshold"]))
    yield table(
        ["language", *map(str, steps)],
        [[name, *by_threshold(card, key)] for key, name in LANGUAGE.items()],
    )
    yield MATCHES
    yield table(
        ["estimate at least", "of matches in emergencies", "of matches in other messages"],
        [
            [one["probability"], f"{one['emergencies']:.0%}", f"{one['others']:.0%}"]
            for one in card["matches_of_rules"]
        ],
    )


def by_threshold(card: Row, language: str) -> list[str]:
    rows = [one for one in card["by_threshold"] if one["language"] == language]
    return [f"{one['emergencies']:.0%} / {one['others']:.1%}" for one in rows]


def by_language(rows: Sequence[Row], name: str) -> list[str]:
    cases, others = both(rows, name)
    low, high = interval(others["texts"] - others["fired"], others["texts"])
    right = 1 - others["fired"] / others["texts"]
    return [LANGUAGE[name], share(cases), share(others), f"{right:.0%} ({low:.0%} to {high:.0%})"]


def predicted(rows: Sequence[Row], name: str) -> list[str]:
    cases, others = both(rows, name)
    found = cases["fired"] / cases["texts"]
    few, many = interval(others["fired"], others["texts"])
    return [
        LANGUAGE[name],
        *(
            f"{predictive(found, many, one):.0%} to {predictive(found, few, one):.0%}"
            for one in PREVALENCES
        ),
    ]


def both(rows: Sequence[Row], name: str) -> tuple[Row, Row]:
    """Return a language's emergencies and its others."""
    own = {row["emergency"]: row for row in rows if row["group"] == name}
    return own[True], own[False]


def share(row: Row) -> str:
    hits, of = row["fired"], row["texts"]
    low, high = interval(hits, of)
    return f"{hits} of {of}: {hits / of:.0%} ({low:.0%} to {high:.0%})"


def bar(one: Row) -> str:
    return "█" * round(float(one["observed"]) * 20)
