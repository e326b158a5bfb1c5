"""Recognition of refusals: in each language, at the beginning, and which answers are read."""

import pytest
from hypothesis import given, strategies

from gateway.safety.refusals import BEGINNINGS, DECLINES, HEAD, MARKERS, REFUSAL, classify
from tests.contract.process import Gateway
from tests.contract.surfaces import GENERATE, SURFACES, Surface, name_of
from tests.fake_engine.process import FakeEngine
from tests.gateway.counts import counted
from tests.waiting import until

REQUESTS = "mmhie_requests_total{"
DECLINED, ANSWERED = (
    f'mmhie_answer_beginnings_total{{kind="{beginning}"}}' for beginning in BEGINNINGS
)
DECLINING = (
    *("I", " cannot", " help", " with", " that", ".", " Please", " ask", " a", " doctor", "."),
)


@given(strategies.one_of([strategies.from_regex(rule, fullmatch=True) for rule in DECLINES]))
def test_every_refusal_has_a_marker(refusal: str) -> None:
    """The quick look for markers overlooks nothing that the pattern finds."""
    head = f" {refusal}".lower()
    assert any(marker in head for marker in MARKERS) or not REFUSAL.search(head)


REFUSALS = (
    "I'm sorry, but I can't help with that.",
    "Es tut mir leid, aber dabei kann ich nicht helfen.",
    "Lo siento, pero no puedo ayudar con eso.",
    "Je suis désolé, mais je ne peux pas vous aider avec cela.",
)
ANSWERS = ("You cannot take both on the same day.", "I am sorry to hear that. Rest and drink.")


def test_a_refusal_is_recognised() -> None:
    """An answer that forbids or regrets something is none."""
    assert {classify(text) for text in REFUSALS} == {"refusal"}
    assert {classify(text) for text in ANSWERS} == {"answer"}


def test_only_the_beginning_counts() -> None:
    """An answer that ends with a refusal is an answer."""
    assert classify("Rest. " * 100 + REFUSALS[0]) == "answer"
    assert classify("x" * (HEAD - 20) + " " + REFUSALS[0]) == "answer"
    assert classify("") == "answer"


@pytest.mark.parametrize("surface", SURFACES, ids=name_of)
def test_which_answers_are_read(gateway: Gateway, engine: FakeEngine, surface: Surface) -> None:
    """All of /llm/generate, and whole answers of /v1."""
    before = [counted(gateway, name) for name in (REQUESTS, DECLINED, ANSWERED)]
    engine.next(fault="say", tokens=DECLINING)
    declined, answered = surface.ask(gateway.client), surface.ask(gateway.client)
    is_read = surface.path == GENERATE or surface.form == "json"

    assert declined.status_code == answered.status_code == 200
    until(lambda: counted(gateway, REQUESTS) == before[0] + 2)  # counted once they were sent
    counts = [counted(gateway, name) for name in (DECLINED, ANSWERED)]
    assert counts == [count + is_read for count in before[1:]]
