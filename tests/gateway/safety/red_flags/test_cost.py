"""The time of screening is proportional to the length, for any text."""

import pytest

from gateway.api.request_text import Turn
from gateway.safety.red_flags.detection import detect
from gateway.safety.red_flags.model import model
from tests.growth import growth

ALARMING = "I have crushing chest pain and I am sweating. What is for dinner tonight, please? "


@pytest.mark.parametrize("text", [ALARMING, "\u0301\u0316", "a The "])
def test_cost_is_in_proportion_to_the_length(text: str) -> None:
    """Emergencies, for which frames are searched; marks, which Unicode sorts; and openers."""
    assert growth(lambda size: detect([Turn("user", text * size)], model().threshold), 500, 8) < 16
