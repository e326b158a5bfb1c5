"""`python -m scripts.red_flags.train`: train the red-flag model on the texts in `texts/`.

It needs requirements/gateway.txt and classifier.txt in an environment of its own. No text of a
release set is among the training texts. The same texts give the same bytes, since weights are
rounded. Then run `python -m scripts.red_flags.calibrate`.
"""

import gzip
import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression

from gateway.safety.red_flags.measurements import measurement_table
from gateway.safety.red_flags.model import FEWEST, FILE, pieces_of
from scripts.red_flags.passages import Passage, passages

SEED = 23
FRAMES = ("exam", "fiction", "document")
RAREST = {"w": 3, "b": 3, "p": 5}  # least number of passages with a word, a pair, a piece
PIECE_SCALE = 0.4  # pieces of words are many, and each means less
INVERSE_REGULARISATION = 0.5
UNIT = 1 / 64  # of a rounded weight
# Weights of fewer units are left out. Words stay, or they would be read as pieces.
LEAST = {
    "emergency": {"words": 1, "pairs": 66, "pieces": 22},
    # People write frames on purpose: pieces would add 270 us to a text for nothing.
    "frame": {"words": 80, "pairs": 100},
    "over": {"words": 80, "pairs": 100},
}
TOPIC_UNIT, TOPIC_LEAST, TOPIC_RAREST = 1 / 4, 5, 8
TOPIC_MEASURED = 16  # of a dangerous value, for the topic in measurements.toml
UNFITTED = {"threshold": 4.0, "rises": [0.0] * 7}  # log-odds, until `calibrate` has fitted them


def main() -> None:
    by_text: dict[tuple[str, str], Passage] = {}
    for each in passages(SEED):
        by_text.setdefault(each[:2], each)  # each once for a label
    known = list(by_text.values())
    write_model({**train_questions(known), "topics": topics(known), **UNFITTED})


def write_model(table: Mapping[str, Any]) -> None:
    content = json.dumps(table, separators=(",", ":"), sort_keys=True).encode()
    FILE.write_bytes(gzip.compress(content, mtime=0))


def train_questions(known: Sequence[Passage]) -> dict[str, dict[str, Any]]:
    """Return the weights of the three questions."""
    vectoriser = CountVectorizer(analyzer=features, dtype=np.float32, binary=True)
    counts = vectoriser.fit_transform([each.words for each in known])
    names = vectoriser.get_feature_names_out()
    in_passages = np.bincount(counts.indices, minlength=len(names))
    common = in_passages >= np.array([RAREST[name[0]] for name in names])
    names, counts, in_passages = names[common], counts[:, common], in_passages[common]
    scale = np.log((1 + len(known)) / (1 + in_passages)) + 1
    scale *= np.array([PIECE_SCALE if name[0] == "p" else 1.0 for name in names])
    lengths = [max(len(set(each.words.split())), FEWEST) for each in known]
    matrix = sparse.csr_matrix(sparse.diags(1 / np.sqrt(lengths)) @ counts @ sparse.diags(scale))
    labels = np.array([each.label for each in known])
    answers = {
        "emergency": np.char.startswith(labels, "MED"),
        "frame": np.isin(labels, FRAMES),
        "over": labels == "over",
    }
    weights = np.array([each.weight for each in known])
    return {
        name: train_question(LEAST[name], matrix, yes, names, scale, weights)
        for name, yes in answers.items()
    }


def features(words: str) -> list[str]:
    """Return the words, pairs of words and pieces of words of a passage."""
    split = words.split()
    counted = [f"w{word}" for word in split]
    pairs = (pair for pair in pairwise(split) if not "".join(pair).isdigit())  # of tables, any
    counted += [f"b{first} {second}" for first, second in pairs]
    return counted + [f"p{piece}" for word in split for piece in pieces_of(word)]


def train_question(
    few: Mapping[str, int],
    matrix: Any,
    yes: np.ndarray,
    names: np.ndarray,
    scale: np.ndarray,
    weights: np.ndarray,
) -> dict[str, Any]:
    """Return the rounded weights of one question; a word's include its pieces'."""
    least = {"pieces": 0, **few}
    used = np.array([least["pieces"] > 0 or each[0] != "p" for each in names])
    method = LogisticRegression(C=INVERSE_REGULARISATION, max_iter=200, tol=1e-4)
    fitted = method.fit(matrix[:, used], yes, sample_weight=weights)
    worths = dict(zip(names[used], fitted.coef_[0] * scale[used], strict=True))
    pieces = {each[1:]: worth for each, worth in worths.items() if each[0] == "p"}
    words = {
        each[1:]: worth + sum(pieces.get(piece, 0.0) for piece in pieces_of(each[1:]))
        for each, worth in worths.items()
        if each[0] == "w"
    }
    pairs = {each[1:]: worth for each, worth in worths.items() if each[0] == "b"}
    columns = {"words": words, "pairs": pairs, "pieces": pieces}
    return {
        **{kind: column(in_units(worths, least[kind])) for kind, worths in columns.items()},
        "unit": UNIT,
        "bias": round(float(fitted.intercept_[0]), 3),
    }


def in_units(weights: dict[str, float], least: int) -> dict[str, int]:
    """Return weights in units, without the small ones."""
    units = {name: round(float(weight) / UNIT) for name, weight in weights.items()}
    return {name: worth for name, worth in units.items() if abs(worth) >= least}


def column(worths: dict[str, int]) -> tuple[str, list[int]]:
    """Return the names, joined with blanks, and their weights."""
    names = sorted(worths)
    return " ".join(names), [worths[name] for name in names]


def topics(known: Sequence[Passage]) -> dict[str, tuple[str, list[int]]]:
    """Return the log-odds of the topics by word: naive Bayes, every word once in a passage."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    sizes: Counter[str] = Counter()
    for each in known:
        if each.label.startswith("MED"):
            words = set(each.words.split())
            counts[each.label].update(words)
            sizes[each.label] += len(words)
    everywhere = sum(counts.values(), Counter())
    total, kinds = sizes.total(), len(everywhere)
    table: dict[str, dict[str, int]] = defaultdict(dict)
    for topic, counted in counts.items():
        for word, number in everywhere.items():
            inside = (counted[word] + 0.3) / (sizes[topic] + 0.3 * kinds)
            outside = (number - counted[word] + 0.3) / (total - sizes[topic] + 0.3 * kinds)
            worth = round(float(np.log(inside / outside)) / TOPIC_UNIT)
            if number >= TOPIC_RAREST and worth >= TOPIC_LEAST:
                table[topic][word] = worth
    for measurement in measurement_table().measurements:
        for band in ("verylow", "veryhigh"):
            table[measurement.topic][f"{measurement.name}{band}"] = TOPIC_MEASURED
    return {topic: column(worths) for topic, worths in table.items()}


if __name__ == "__main__":
    main()
