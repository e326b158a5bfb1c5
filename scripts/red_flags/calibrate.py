"""`python -m scripts.red_flags.calibrate`: fit the model's thresholds by the number of lines.

The chance of an emergency is fitted (logistic regression) to the highest log-odds of a text and its
number of lines, on the known release sets, alone and in company. Each set is judged by a fit on the
others; the threshold is the one that flags `ALARMS` of their other texts. In a long record the
threshold is the one that flags `ALARMS_IN_RECORDS`.
"""

import gzip
import json
import random
from collections.abc import Iterator
from functools import cache

import numpy as np
from sklearn.linear_model import LogisticRegression

from gateway.safety.red_flags.detection import (
    BATCH,
    HEAD_START,
    SELF_HARM,
    ReadTurn,
    ScoredPassage,
    is_framed,
    score,
)
from gateway.safety.red_flags.model import FILE, lines_of, model
from scripts.red_flags.evaluate import companies
from scripts.red_flags.train import write_model
from tests.gateway.safety.red_flags.frozen import FOLDERS, cases, languages_of

ALARMS = 0.042  # of the other texts, alone
ALARMS_IN_RECORDS = 0.03
RECORD = 32  # lines of the shortest long record
KNOTS = (1, 2, 4, 16, 64)  # lines; between them the threshold is linear in their logarithm
SIZES = (1, 2, 4, 8, 16, 32, 64)  # lines, as the model's file has them
LEAST, MOST = -8.0, 12.0  # log-odds
COMPANIES = 6  # of each text, chosen at random; and a record
SEED = 23


def main() -> None:
    texts = list(score_texts())
    odds, lines, emergency, alone, folders = map(np.array, zip(*texts, strict=True))
    features = np.c_[np.clip(odds, LEAST, MOST), hats(lines)]
    chances = np.zeros(len(texts))
    for folder in set(folders):
        weights = fit(features[folders != folder], emergency[folders != folder])
        chances[folders == folder] = features[folders == folder] @ weights
    slope, *heights = fit(features, emergency)
    limit = np.quantile(chances[~emergency & alone], 1 - ALARMS)
    thresholds = (limit - np.array(heights)) / slope
    thresholds[-1] = np.quantile(odds[~emergency & (lines >= RECORD)], 1 - ALARMS_IN_RECORDS)
    write(np.interp(np.log2(SIZES), np.log2(KNOTS), thresholds))


def hats(lines: np.ndarray) -> np.ndarray:
    """Return the share of each knot in the number of lines of each text."""
    logarithms = np.log2(np.clip(lines, 1, KNOTS[-1]))
    units = np.eye(len(KNOTS))
    return np.column_stack([np.interp(logarithms, np.log2(KNOTS), unit) for unit in units])


def fit(features: np.ndarray, emergency: np.ndarray) -> np.ndarray:
    method = LogisticRegression(C=100, max_iter=1000, fit_intercept=False, class_weight="balanced")
    weights: np.ndarray = method.fit(features, emergency).coef_[0]
    return weights


def write(thresholds: np.ndarray) -> None:
    """Write the threshold of the longest texts, and what shorter ones need less."""
    table = json.loads(gzip.decompress(FILE.read_bytes()))
    table["threshold"] = round(float(thresholds[-1]), 1)
    table["rises"] = [round(float(each - thresholds[-1]), 1) for each in thresholds]
    write_model(table)
    print(table["threshold"], dict(zip(SIZES, table["rises"], strict=True)))


def score_texts() -> Iterator[tuple[float, int, bool, bool, str]]:
    """Yield every text of the known sets, alone and in some companies.

    Each with its highest log-odds, as if every topic needed the same, its number of lines, whether
    it is an emergency, whether it is alone, and its set.
    """
    dice = random.Random(SEED)  # noqa: S311 - no secret: reproducible on purpose
    for folder in FOLDERS[:-1]:
        for language in languages_of(folder):
            places = [(name, turn) for name, (turn, *more) in companies(language) if not more]
            records = [turn for name, turn in places if name.startswith("record of 30")]
            sentences = [turn for name, turn in places if not name.startswith("record")]
            for case in cases(language, folder):
                beside = dice.sample(sentences, COMPANIES)
                for place in ("{text}", *beside, dice.choice(records)):
                    scored = highest(place.replace("{text}", case.text))
                    yield *scored, case.is_emergency, place == "{text}", folder.name


def highest(text: str) -> tuple[float, int]:
    """Return the highest log-odds of the passages outside frames, and the number of lines."""
    lines = lines_of(text)
    turn = ReadTurn("user", lines, ())
    is_frame = cache(lambda at: model().frame.is_likely(lines[at]))
    odds = [LEAST]
    for passage in passages(lines):
        topic = model().topics.of(turn.words(passage))
        if not is_framed(turn, topic, passage, is_frame):
            odds.append(passage.odds + HEAD_START * (topic == SELF_HARM))
    return max(odds), len(lines)


def passages(lines: list[str]) -> Iterator[ScoredPassage]:
    """Yield the lines, alone and with the line before, that are not hopeless."""
    for start in range(0, len(lines), BATCH):
        for at, scores in enumerate(score(lines, start), start):
            for size, odds in enumerate(scores, 1):
                if odds > LEAST:
                    yield ScoredPassage(odds, at, size)


if __name__ == "__main__":
    main()
