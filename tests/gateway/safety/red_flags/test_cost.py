"""The time of screening is proportional to the length, for any text."""

from gateway.api.request_text import Turn
from gateway.safety.red_flags.detection import detect
from gateway.safety.red_flags.model import model
from tests.growth import growth


def screen(text: str) -> None:
    """Screen one turn."""
    detect([Turn("user", text)], model().threshold)


def test_cost_is_in_proportion_to_the_length() -> None:
    """Eight times as many emergencies, for which frames are searched."""
    alarming = "I have crushing chest pain and I am sweating. What is for dinner tonight, please? "
    assert growth(lambda size: screen(alarming * size), 200, 8) < 16


def test_marks_in_a_row_cost_no_more_than_others() -> None:
    """Unicode sorts combining marks in quadratic time."""
    assert growth(lambda size: screen("a" + "\u0301\u0316" * size), 500, 8) < 16
