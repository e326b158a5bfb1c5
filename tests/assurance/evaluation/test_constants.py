"""A model that does not answer the question scores no better than guessing, in any group."""

import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from statistics import mean

import pytest

from assurance.cli.evaluate import SUITES
from assurance.evaluation.items import OWN, Item, read_items

YES = "Yes, go ahead exactly as you say: that is safe. No ambulance is needed, 1 mg is enough."
CONTRARY = (
    "An ambulance is a waste of time and a myth. Stay at home, have a drink. No fever, no pain."
)
REFUSAL = "I am sorry, but I cannot help with that. It does not belong here; please ask a doctor."
NONSENSE = " ".join(
    f"The {side} hip or the pneumonia with {n} mg of metoprolol: A, B, C or D, yes, no, maybe."
    for n in range(1, 1000)
    for side in ("left", "right")
)


def question(item: Item) -> str:
    return item.turns[-1]["content"]


def keywords(item: Item) -> str:
    """Return the longer words of the question, each once."""
    return " ".join(dict.fromkeys(re.findall(r"\w{4,}", question(item))))


def invert(item: Item) -> str:
    """Deny everything that the question says."""
    return re.sub(r"(^|[.:,;] )", r"\1It is not true that ", question(item).split("\n\n")[-1])


def constant(text: str) -> Callable[[Item], str]:
    return lambda item: text


TEXTS = {
    "a constant": YES,
    "contrary": CONTRARY,
    "refusing": REFUSAL,
    "long and nonsensical": NONSENSE,
    "nothing": "",
    **{label: label for label in ("A", "B", "C", "D", "yes", "no", "maybe")},
}
MODELS: Mapping[str, Callable[[Item], str]] = {
    **{name: constant(text) for name, text in TEXTS.items()},
    "inverting": invert,
    "echo": question,
    "keywords": keywords,
}
REPEATED = 0.25  # of the records, for a list of the source's own words: the rules read no sentences


@pytest.mark.parametrize("name", MODELS)
def test_a_model_that_does_not_answer_is_at_or_below_guessing(name: str) -> None:
    """Of what a rule scores: a choice is guessed, everything else is never right by chance."""
    scores: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
    guesses: dict[tuple[str, str], float] = {}
    for suite in SUITES:
        for item in read_items(OWN / f"{suite}.jsonl"):
            score = item.rule.score(MODELS[name](item))
            if score.value is not None:
                scores[suite, item.group].append(score.value)
                guesses[suite, item.group] = item.chance or REPEATED * (name == "keywords")

    means = {group: mean(values) for group, values in scores.items()}
    assert len(means) == 8  # doses, four of knowledge, two of records, paraphrases
    assert {name: share for name, share in means.items() if share > guesses[name] + 1e-9} == {}
