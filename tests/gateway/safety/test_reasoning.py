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

MESSAGE = {"role": "assistant", "content": "Yes.", "reasoning": "Because."}


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("reasoning", {"reasoning": "Because."}),
        ("reasoning_content", {"reasoning_content": "Because."}),
        ("both", {"reasoning": "Because.", "reasoning_content": "Because."}),
    ],
)
def test_shown_reasoning_has_the_chosen_names(name: FieldName, fields: dict[str, str]) -> None:
    """Old clients look for `reasoning_content`, new ones for `reasoning`."""
    assert apply(MESSAGE, "pass", name) == {"role": "assistant", "content": "Yes.", **fields}


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


def test_a_message_without_reasoning_gets_no_field() -> None:
    """A plain model's answer does not grow keys."""
    assert apply({"content": "Yes."}, "pass", "both") == {"content": "Yes."}


def test_a_null_reasoning_field_stays_null_under_its_name() -> None:
    """vLLM writes `reasoning: null` on plain answers; the renaming keeps that."""
    assert apply({"content": "a", "reasoning": None}, "pass", "reasoning_content") == {
        "content": "a",
        "reasoning_content": None,
    }


def test_the_original_is_left_alone() -> None:
    """The functions are pure: digests and audit still see what the engine said."""
    before = dict(MESSAGE)
    apply(MESSAGE, "hide", "both")

    assert before == MESSAGE


@pytest.mark.parametrize("part", ["message", "delta"])
def test_hidden_reasoning_takes_its_tokens_along(part: str) -> None:
    """Log-probabilities and token ids spell the reasoning out again, so they go too."""
    choice: dict[str, Any] = {
        "index": 0,
        part: {"reasoning": "Because."},
        "logprobs": {"content": [{"token": "Because"}]},
        "token_ids": [1],
    }

    assert apply_choice(choice, "hide", "reasoning") == {
        "index": 0,
        part: {},
        "logprobs": None,
        "token_ids": None,
    }
    assert apply_choice(choice, "pass", "reasoning") == choice


@pytest.mark.parametrize("part", ["message", "delta"])
def test_the_answer_s_tokens_are_hidden_with_the_reasoning(part: str) -> None:
    """The engine counts the reasoning's among them where the caller asks for no reasoning."""
    choice = {"index": 0, part: {"content": "Yes."}, "logprobs": {"content": [1]}, "token_ids": [1]}

    assert apply_choice(choice, "hide", "reasoning") == choice | dict.fromkeys(
        ("logprobs", "token_ids")
    )
    assert apply_choice(choice, "scope", "reasoning", may_see=True) == choice


def test_a_completion_keeps_its_tokens() -> None:
    """It is served beside hidden reasoning only where the model has none."""
    choice = {"index": 0, "text": "Yes.", "logprobs": {"tokens": ["Yes"]}}

    assert apply_choice(choice, "hide", "reasoning") == choice


def test_a_choice_without_a_message_is_left_alone() -> None:
    """Text completions have neither message nor delta."""
    assert apply_choice({"index": 0, "text": "a"}, "pass", "both") == {"index": 0, "text": "a"}


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


@pytest.mark.parametrize(
    ("kind", "is_one"),
    [
        ("response.reasoning_text.delta", True),
        ("response.reasoning_part.added", True),
        ("response.output_text.delta", False),
        ("response.completed", False),
    ],
)
def test_reasoning_events_are_known_by_their_type(kind: str, is_one: bool) -> None:
    """A stream of /v1/responses has events of its own for reasoning."""
    assert is_reasoning_event(kind) is is_one
