"""The time of screening is proportional to the length, for any text."""

import random
import statistics
from collections.abc import Callable

import pytest

from gateway.api.request_text import Turn
from gateway.safety.red_flags.detection import detect
from gateway.safety.red_flags.model import model
from tests.gateway.safety.red_flags.frozen import all_cases
from tests.growth import best, growth

LENGTH = 4_096  # characters
PARENTS, GENERATIONS, CHILDREN = 6, 25, 6
MOST = 3.0  # times the median of ordinary texts of the same length
STRANGE = (
    *("x. ", "a b c d ", "Zürich ", "qwrtzpsdfgk ", "1,2;3! ", "\n", "'s ", "ﬁ̈ ", "в", "😀"),
    "p.q ",
)


def screen(text: str) -> None:
    """Screen one turn."""
    detect([Turn("user", text)], model().threshold)


def cost(text: str) -> float:
    """Return the seconds of processor time for a text, the best of three."""
    return best(lambda _: screen(text), 0)


def ordinary(known: list[str], dice: random.Random) -> str:
    """Return ordinary texts, joined to this length."""
    return "\n".join(dice.choices(known, k=200))[:LENGTH]


def mutate(text: str, known: list[str], dice: random.Random) -> str:
    """Insert a piece of the text itself, of another text, or of unusual characters."""
    start, size = dice.randrange(LENGTH), dice.randrange(8, LENGTH // 2)
    strange, word = dice.choice(STRANGE) * size, dice.choice(text.split(" ")) * 9
    piece = dice.choice((text[:size], dice.choice(known), strange, word))
    return (text[:start] + piece[:size] + text[start:])[:LENGTH].ljust(LENGTH, ".")


def search(known: list[str], dice: random.Random, worth: Callable[[str], float]) -> str:
    """Search for the most expensive text by evolution."""
    parents = [ordinary(known, dice) for _ in range(PARENTS)]
    for _ in range(GENERATIONS):
        children = [mutate(text, known, dice) for text in parents for _ in range(CHILDREN)]
        parents = sorted([*parents, *children], key=worth, reverse=True)[:PARENTS]
    return parents[0]


@pytest.mark.slow
def test_no_text_costs_much_more_than_others_of_its_length() -> None:
    """The most expensive text found takes at most 1.3 times the median of ordinary ones."""
    dice, known = random.Random(5), [case.text for case in all_cases()]
    median = statistics.median(cost(ordinary(known, dice)) for _ in range(40))

    worst = search(known, dice, cost)

    assert cost(worst) < MOST * median, worst


def test_cost_is_in_proportion_to_the_length() -> None:
    """Eight times as many emergencies, for which frames are searched."""
    alarming = "I have crushing chest pain and I am sweating. What is for dinner tonight, please? "
    assert growth(lambda size: screen(alarming * size), 200, 8) < 16


def test_marks_in_a_row_cost_no_more_than_others() -> None:
    """Unicode sorts combining marks in quadratic time."""
    assert growth(lambda size: screen("a" + "\u0301\u0316" * size), 500, 8) < 16
