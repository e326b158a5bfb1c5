"""Visibility and field name of reasoning."""

from typing import Any

import pytest

from gateway.safety.reasoning import (
    FieldName,
    Policy,
    apply,
    apply_choice,
    is_reasoning_event,
    is_untouched,
    text_of,
)

BECAUSE = {"reasoning": "Because."}
MESSAGE = {"role": "assistant", "content": "Yes.", **BECAUSE}
TOKENS = {"logprobs": {"content": [{"token": "Because"}]}, "token_ids": [1]}


@pytest.mark.parametrize(
    ("name", "said", "shown"),
    [
        ("reasoning", BECAUSE, BECAUSE),
        ("reasoning_content", BECAUSE, {"reasoning_content": "Because."}),
        ("both", BECAUSE, BECAUSE | {"reasoning_content": "Because."}),
        ("both", {}, {}),  # a plain model's answer does not grow keys
        ("reasoning_content", {"reasoning": None}, {"reasoning_content": None}),  # as vLLM writes
    ],
)
def test_shown_reasoning_has_the_chosen_names(
    name: FieldName, said: dict[str, str], shown: dict[str, str]
) -> None:
    """Old clients look for `reasoning_content`, new ones for `reasoning`."""
    assert apply({"content": "Yes.", **said}, "pass", name) == {"content": "Yes.", **shown}


@pytest.mark.parametrize(
    ("policy", "may_see", "shown"),
    [
        ("pass", False, True),
        ("pass", True, True),
        ("hide", False, False),
        ("hide", True, False),
        ("scope", False, False),
        ("scope", True, True),
    ],
)
@pytest.mark.parametrize("field", ["reasoning", "reasoning_content"])
def test_the_policy_decides_who_sees_it(
    policy: Policy, may_see: bool, shown: bool, field: str
) -> None:
    """hide is for nobody, scope for keys with the scope; whichever name the engine used."""
    message = {"content": "Yes.", field: "Because."}

    assert text_of(apply(message, policy, "both", may_see=may_see)) == ("Because." if shown else "")
    assert apply(message, policy, "both", may_see=may_see)["content"] == "Yes."


def test_the_original_is_left_alone() -> None:
    """The functions are pure: digests and audit still see what the engine said."""
    before = dict(MESSAGE)
    apply(MESSAGE, "hide", "both")

    assert before == MESSAGE


@pytest.mark.parametrize("part", ["message", "delta"])
@pytest.mark.parametrize(("said", "left"), [(BECAUSE, {}), ({"content": "Yes."},) * 2])
def test_hidden_reasoning_takes_its_tokens_along(
    part: str, said: dict[str, str], left: dict[str, str]
) -> None:
    """Log-probabilities and token ids spell the reasoning out again, so they go too; those of an
    answer as well: the engine counts the reasoning's among them where the caller asks for none."""
    choice: dict[str, Any] = {"index": 0, part: said, **TOKENS}

    hidden = {"index": 0, part: left, "logprobs": None, "token_ids": None}
    assert apply_choice(choice, "hide", "reasoning") == hidden
    assert apply_choice(choice, "pass", "reasoning") == choice
    assert apply_choice(choice, "scope", "reasoning", may_see=True) == choice


@pytest.mark.parametrize(("policy", "name"), [("hide", "reasoning"), ("pass", "both")])
def test_a_completion_keeps_its_tokens(policy: Policy, name: FieldName) -> None:
    """It has no message, and is served beside hidden reasoning only where the model has none."""
    choice = {"index": 0, "text": "Yes.", "logprobs": {"tokens": ["Yes"]}}

    assert apply_choice(choice, policy, name) == choice


@pytest.mark.parametrize(
    ("policy", "name", "may_see", "untouched"),
    [
        ("pass", "reasoning", False, True),
        ("scope", "reasoning", True, True),
        ("scope", "reasoning", False, False),
        ("pass", "both", False, False),
        ("hide", "reasoning", True, False),
    ],
)
def test_the_engines_bytes_are_only_parsed_when_they_must_change(
    policy: Policy, name: FieldName, may_see: bool, untouched: bool
) -> None:
    """The default policy touches no byte."""
    assert is_untouched(policy, name, may_see=may_see) is untouched


def test_reasoning_events_are_known_by_their_type() -> None:
    """A stream of /v1/responses has events of its own for reasoning."""
    names = ("reasoning_text.delta", "reasoning_part.added", "output_text.delta", "completed")
    told = [is_reasoning_event(f"response.{name}") for name in names]
    assert told == [True, True, False, False]
