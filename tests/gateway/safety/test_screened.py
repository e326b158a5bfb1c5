"""The text of a request that is screened: what the caller says of the patient, in every form."""

from typing import Any

import pytest

from gateway.safety.disclaimer import Disclaimer
from gateway.safety.labels import Labels, has_token_ids, screened
from gateway.safety.red_flags.screening import Policy

USER = {"role": "user"}
TOOL = {"role": "tool", "tool_call_id": "1"}
MODEL = {"role": "assistant", "content": "x"}
OUTPUT = {"type": "function_call_output", "call_id": "1"}

REQUESTS: list[tuple[dict[str, Any], list[str]]] = [
    ({"messages": [USER | {"content": "a"}, MODEL]}, ["a"]),
    ({"messages": [USER | {"content": "a"}, USER | {"content": "b"}]}, ["a", "b"]),
    ({"messages": [USER | {"content": str(n)} for n in range(5)]}, ["2", "3", "4"]),
    ({"messages": [USER | {"content": [{"type": "text", "text": "a"}, {"type": "x"}]}]}, ["a"]),
    ({"messages": [{"role": "system", "content": "s"}, USER | {"content": "a"}]}, ["s", "a"]),
    ({"messages": [{"role": "developer", "content": "s"}]}, ["s"]),
    ({"messages": [USER | {"content": "a"}, MODEL, TOOL | {"content": "t"}]}, ["a", "t"]),
    (
        {"messages": [TOOL | {"content": "old"}, *[USER | {"content": str(n)} for n in range(4)]]},
        ["1", "2", "3"],
    ),
    ({"prompt": "p"}, ["p"]),
    ({"prompt": "p", "system": "s"}, ["s", "p"]),
    ({"prompt": "p", "history": [USER | {"content": "a"}, MODEL]}, ["a", "p"]),
    ({"prompt": "p", "history": [USER | {"content": str(n)} for n in range(4)]}, ["2", "3", "p"]),
    ({"prompt": "p", "history": [USER | {"content": "a"}], "system": "s"}, ["s", "a", "p"]),
    ({"messages": [USER | {"content": "a"}], "history": [MODEL], "prompt": "p"}, ["a"]),
    ({"prompt": ["p", "q"]}, ["p\nq"]),
    ({"prompt": [1, 2, 3]}, []),
    ({"input": "i", "instructions": "s"}, ["s", "i"]),
    ({"input": [USER | {"content": "i"}]}, ["i"]),
    ({"input": [USER | {"content": [{"type": "input_text", "text": "i"}]}]}, ["i"]),
    ({"input": [USER | {"content": "i"}, OUTPUT | {"output": "o"}]}, ["i", "o"]),
    ({"input": [OUTPUT | {"output": [{"type": "input_text", "text": "o"}]}]}, ["o"]),
    ({"messages": "nonsense"}, []),
    ({"messages": [None, 3, USER]}, []),
    ({}, []),
]


@pytest.mark.parametrize(("body", "turns"), REQUESTS)
def test_what_the_caller_says_is_screened(body: dict[str, Any], turns: list[str]) -> None:
    """Instructions, the last turns and tool results; never the model's own words."""
    assert screened(body) == turns


@pytest.mark.parametrize(
    ("prompt", "has_ids"),
    [
        ([1, 2], True),
        ([[1, 2], [3]], True),
        (["a"], False),
        ("a", False),
        ([], False),
        (None, False),
    ],
)
def test_token_ids_cannot_be_screened(prompt: object, has_ids: bool) -> None:
    """The answer then says so."""
    assert has_token_ids({"prompt": prompt}) is has_ids


EMERGENCY = "I have crushing chest pain."


@pytest.mark.parametrize(
    ("later", "raised", "resolved"),
    [
        ("It has gone now. Should I take aspirin?", [], ["MED101"]),
        ("The chest pain has resolved after nitroglycerin.", [], ["MED101"]),
        ("It was a false alarm.", [], ["MED101"]),
        ("Has it gone?", ["MED101"], []),
        ("It has not gone away.", ["MED101"], []),
        ("The fever has resolved.", ["MED101"], []),
        ("When it is gone, I will go for a walk.", ["MED101"], []),
        ("It has gone. No, crushing chest pain again!", ["MED101"], []),
    ],
)
def test_a_later_turn_resolves(later: str, raised: list[str], resolved: list[str]) -> None:
    """A plain statement does, about everything or about this sign; nothing less."""
    found = labels().screen([EMERGENCY, later])

    assert [notice["id"] for notice in found.notices] == raised
    assert found.resolved == resolved


@pytest.mark.parametrize(
    ("language", "emergency", "later"),
    [
        ("de", "Mein Vater hat gerade starke Brustschmerzen", "Es ist vorbei, danke."),
        ("es", "Tengo un dolor fuerte en el pecho", "Ya se me pasó."),
    ],
)
def test_in_every_language(language: str, emergency: str, later: str) -> None:
    """German and Spanish turns resolve, too."""
    assert labels("en", language).screen([emergency]).notices
    assert not labels("en", language).screen([emergency, later]).notices


def test_one_turn_resolves_nothing() -> None:
    """Within one message the sentences' own context decides, as before."""
    assert labels().screen([f"{EMERGENCY} It has gone."]).notices


def labels(*languages: str) -> Labels:
    policy = Policy(languages=languages or ("en",))
    return Labels.of(Disclaimer.of(), key="k", emergency_contact="112", policy=policy)
