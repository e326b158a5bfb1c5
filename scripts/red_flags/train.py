"""`python -m scripts.red_flags.train [--clones FOLDER]`: train the red-flag classifier.

Needs requirements/classifier.txt in an environment of its own, beside the gateway's. Reads the
training sources of sources.toml and the texts of our own, never the frozen part; writes
`weights.json.gz`, `languages.txt.gz` and the card. The same inputs give the same bytes.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import sklearn
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

from gateway.safety.red_flags.classifier import model as shipped
from gateway.safety.red_flags.classifier.features import (
    pairs_of,
    pieces_of,
    shapes_of,
    tokens_of,
)
from gateway.safety.red_flags.notices import red_flags
from scripts.red_flags import corpus, languages, sources, thresholds
from scripts.red_flags.sources import Example

TRAINED = "2026-11-27"
FOLDS = 5
WINDOW, STRIDE = 64, 48  # words
PASSAGES = 6  # of one long text: a visit must not outweigh a hundred questions
PIECE_SCALE = 0.3  # pieces of words are many, and say less
INVERSE_REGULARISATION = {"emergency": 10.0, "record": 3.0, "study": 3.0}
# A text in finding emergencies: these languages have half of the English lines, and nothing of the
# public sources; and where their words count more, so must words of no language.
COUNTS_AS = {"de": 2.0, "es": 2.0, "fr": 2.0, "any": 2.0}
UNIT = 1 / 64  # of a quantised weight
LEAST = 4  # units: weights below are left out
LARGEST = 2_000
TABLES = {"w": "words", "b": "pairs", "p": "pieces"}  # by the first letter of a feature
ALARMS = 0.02  # share of the others, in cross-validation, that the recorded threshold lets through


@dataclass(frozen=True, slots=True)
class Rows:
    """Texts as the classifier sees them: words, shapes, and what they are."""

    tokens: list[list[str]]
    shapes: list[list[str]]
    labels: np.ndarray
    groups: np.ndarray
    owners: np.ndarray  # numbers of the texts that the rows are of
    weights: np.ndarray


def main() -> None:
    parser = argparse.ArgumentParser(prog="scripts.red_flags.train", description=__doc__)
    parser.add_argument("--clones", type=Path, default=Path(".clones"), help="bare clones")
    options = parser.parse_args()
    examples = training(options.clones)
    vectoriser = CountVectorizer(analyzer=lambda row: features(*row), min_df=2)
    passages, whole = rows(examples, in_passages=True), rows(examples, in_passages=False)
    emergency = matrix(vectoriser, passages, fit=True)
    scores = out_of_fold(emergency, passages)
    fitted = {"emergency": fit_emergency(emergency, passages.labels, passages.weights)}
    documents = matrix(vectoriser, whole)
    kinds = np.array([each.kind for each in examples])
    fitted["record"] = fit_kind(documents, kinds == "record", "record")
    fitted["study"] = fit_kind(documents, np.isin(kinds, ("exam", "research")), "study")
    calibration = calibrated(scores, passages)
    tables = {
        "matches_of_rules": beside_rules(examples, scores, passages, calibration),
        **by_threshold(examples, scores, passages, calibration),
    }
    write_weights(vectoriser, fitted)
    languages.write_words(examples)
    write_card(examples, fitted, calibration, tables)


def training(clones: Path) -> list[Example]:
    """Return all training texts: of our own, and of the public sources."""
    public = [each for one in sources.sources("train") for each in sources.read(one, clones)]
    return corpus.own() + public


def rows(examples: Sequence[Example], *, in_passages: bool) -> Rows:
    """Return the rows of the examples; of a long text some passages, or all of it."""
    dice = random.Random(corpus.SEED)  # noqa: S311  no secret: reproducible on purpose
    tokens, shapes, labels, groups, owners, weights = [], [], [], [], [], []
    for number, each in enumerate(examples):
        words = tokens_of(each.text)
        parts = passages_of(words) if in_passages else [words]
        for part in dice.sample(parts, PASSAGES) if len(parts) > PASSAGES else parts:
            tokens.append(part)
            shapes.append([] if in_passages else shapes_of(each.text))
            labels.append(each.is_emergency)
            groups.append(f"{each.kind} {each.group}")
            owners.append(number)
            weights.append(COUNTS_AS.get(each.language, 1.0))
    numbers = {group: at for at, group in enumerate(dict.fromkeys(groups))}
    numbered = np.array([numbers[one] for one in groups])
    arrays = map(np.array, (labels, numbered, owners, weights))
    return Rows(tokens, shapes, *arrays)


def passages_of(tokens: list[str]) -> list[list[str]]:
    size, step = WINDOW, STRIDE
    if len(tokens) <= size:
        return [tokens]
    return [tokens[at : at + size] for at in range(0, len(tokens) - size + step, step)]


def features(tokens: Sequence[str], shapes: Sequence[str]) -> list[str]:
    """Return all that is counted: shapes; words, pairs and pieces of words, once in a passage."""
    found = [f"w{shape}" for shape in shapes]
    for at in range(0, len(tokens), WINDOW):
        passage = tokens[at : at + WINDOW]
        words = list(dict.fromkeys(passage))
        found += [f"w{word}" for word in words]
        found += [f"b{' '.join(pair)}" for pair in dict.fromkeys(pairs_of(passage))]
        found += [f"p{piece}" for word in words if word[0].isalpha() for piece in pieces_of(word)]
    return found


def matrix(vectoriser: CountVectorizer, rows: Rows, *, fit: bool = False) -> Any:
    """Return counts over the root of a text's length."""
    pairs = list(zip(rows.tokens, rows.shapes, strict=True))
    counts = vectoriser.fit_transform(pairs) if fit else vectoriser.transform(pairs)
    lengths = [max(len(tokens), shipped.FEWEST) for tokens in rows.tokens]
    scale = sparse.diags(1 / np.sqrt(lengths))
    return sparse.csr_matrix(scale @ counts.astype(float) @ sparse.diags(scales(vectoriser)))


def scales(vectoriser: CountVectorizer) -> np.ndarray:
    names = vectoriser.get_feature_names_out()
    return np.array([PIECE_SCALE if name[0] == "p" else 1.0 for name in names])


def fit_emergency(counts: Any, labels: np.ndarray, weights: np.ndarray) -> LogisticRegression:
    strength = INVERSE_REGULARISATION["emergency"]
    return LogisticRegression(C=strength, max_iter=400).fit(counts, labels, sample_weight=weights)


def fit_kind(counts: Any, labels: np.ndarray, name: str) -> LogisticRegression:
    # Long public documents outnumber short ones of our own: weighed, or the latter are not learnt.
    strength = INVERSE_REGULARISATION[name]
    return LogisticRegression(C=strength, class_weight="balanced", max_iter=400).fit(counts, labels)


def out_of_fold(counts: Any, rows: Rows) -> np.ndarray:
    """Return each row's score by a model that saw nothing of its group."""
    scores = np.zeros(len(rows.labels))
    for seen, unseen in GroupKFold(FOLDS).split(counts, rows.labels, rows.groups):
        model = fit_emergency(counts[seen], rows.labels[seen], rows.weights[seen])
        scores[unseen] = model.decision_function(counts[unseen])
    return scores


def calibrated(scores: np.ndarray, rows: Rows) -> dict[str, float]:
    """Return Platt's slope and offset, and what cross-validation found at some thresholds."""
    platt = LogisticRegression(C=1e6).fit(scores[:, None], rows.labels)
    slope, offset = float(platt.coef_[0][0]), float(platt.intercept_[0])
    chances = 1 / (1 + np.exp(-(slope * scores + offset)))
    others, cases = chances[~rows.labels], chances[rows.labels]
    threshold = float(np.quantile(others, 1 - ALARMS))
    return {
        "slope": slope,
        "offset": offset,
        "threshold": threshold,
        "sensitivity": float((cases > threshold).mean()),
        "alarms": float((others > threshold).mean()),
    }


def beside_rules(
    examples: Sequence[Example],
    scores: np.ndarray,
    rows: Rows,
    calibration: dict[str, float],
) -> list[dict[str, float]]:
    """Return, for some probabilities, the share of rules' matches that reach them: in emergencies,
    and in other messages. Below which a match is suppressed was decided by this table."""
    search = red_flags(("en", "de", "es"))
    chances: dict[bool, list[float]] = {True: [], False: []}
    for at, each in enumerate(examples):
        if each.kind in ("question", "transcript") and search.raised(each.text):
            worst = scores[rows.owners == at].max()
            logit = calibration["slope"] * worst + calibration["offset"]
            chances[each.is_emergency].append(1 / (1 + np.exp(-logit)))
    return [
        {
            "probability": least,
            "emergencies": float(np.mean(np.array(chances[True]) >= least)),
            "others": float(np.mean(np.array(chances[False]) >= least)),
        }
        for least in (0.1, 0.2, 0.3, 0.4, 0.5)
    ]


def by_threshold(
    examples: Sequence[Example],
    scores: np.ndarray,
    rows: Rows,
    calibration: dict[str, float],
) -> dict[str, list[dict[str, Any]]]:
    """Return, by language, the shares of our own messages with a notice at some thresholds, and at
    the one that is chosen."""
    chances = 1 / (1 + np.exp(-(calibration["slope"] * scores + calibration["offset"])))
    best = np.zeros(len(examples))
    np.maximum.at(best, rows.owners, chances)
    size = len(corpus.own())
    found = list(thresholds.checked(examples[:size], best[:size]))
    return {
        "by_threshold": [one.at(least) for one in found for least in thresholds.SHOWN],
        "chosen": [one.chosen() for one in found],
    }


def write_weights(vectoriser: CountVectorizer, fitted: dict[str, LogisticRegression]) -> None:
    """Write every feature that has a weight; a word's includes its pieces'."""
    names = vectoriser.get_feature_names_out()
    weights = np.stack([one.coef_[0] for one in fitted.values()], axis=1)
    weights *= scales(vectoriser)[:, None]
    pieces = {name: row for name, row in zip(names, weights, strict=True) if name[0] == "p"}
    tables: dict[str, dict[str, int]] = {table: {} for table in TABLES.values()}
    for name, row in zip(names, weights, strict=True):
        worth = row
        if name[0] == "w" and name[1].isalpha():
            worth = row + sum(pieces.get(f"p{piece}", 0.0) for piece in pieces_of(name[1:]))
        units = np.clip(np.rint(worth / UNIT), -LARGEST, LARGEST).astype(int)
        # A known word stays, however little it says: without it, it would be taken apart.
        if name[0] == "w" or np.abs(units).max() >= LEAST:
            first, second, third = map(int, units)
            tables[TABLES[name[0]]][name[1:]] = shipped.packed((first, second, third))
    shipped.WEIGHTS.write_bytes(gzip.compress(orjson.dumps(tables), mtime=0))


def write_card(
    examples: Sequence[Example],
    fitted: dict[str, LogisticRegression],
    calibration: dict[str, float],
    tables: dict[str, list[dict[str, Any]]],
) -> None:
    """Write the sets, their sizes, and what the model needs beside its weights."""
    biases = {f"bias_{name}": float(one.intercept_[0]) for name, one in fitted.items()}
    keys = ("slope", "offset")
    own = Counter((each.language, each.kind, each.is_emergency) for each in corpus.own())
    card = {
        "trained": TRAINED,
        "method": f"logistic regression, scikit-learn {sklearn.__version__}",
        "model": {"unit": UNIT, **biases, **{key: calibration[key] for key in keys}},
        "cross_validation": {k: v for k, v in calibration.items() if k not in keys},
        **tables,
        "texts": len(examples),
        "emergencies": sum(each.is_emergency for each in examples),
        "own": [
            {"language": language, "kind": kind, "emergency": label, "texts": count}
            for (language, kind, label), count in sorted(own.items())
        ],
        "public": [
            {name: one[name] for name in ("name", "licence", "repository", "commit")}
            for one in sources.sources("train")
        ],
    }
    shipped.CARD.write_text(json.dumps(shortened(card), indent=1) + "\n", "utf-8")


def shortened(value: Any) -> Any:
    """Return a card with six decimals: the order of additions differs between machines."""
    if isinstance(value, dict):
        return {name: shortened(each) for name, each in value.items()}
    if isinstance(value, list):
        return [shortened(each) for each in value]
    return round(value, 6) if isinstance(value, float) else value


if __name__ == "__main__":
    main()
