"""The output of a Responses API object: reasoning hidden by policy, markers removed, no more."""

from typing import Any

import pytest

from gateway.errors import EngineGarbled
from gateway.proxy import responses_output
from gateway.proxy.output_policy import PLAIN, ChoiceState, OutputPolicy
from gateway.safety import labels
from gateway.safety.placement import Surroundings
from gateway.safety.reasoning import Policy

ITEMS: list[dict[str, Any]] = [
    {"type": "reasoning", "id": "rs_1", "summary": [], "content": [{"text": "Because."}]},
    {"type": "message", "content": [{"type": "output_text", "text": "Yes."}]},
    {"type": "function_call", "name": "f", "arguments": "<|end|>"},
]
RAW = [{"message": "<|channel|>analysis<|message|>Because.", "tokens": [1, 2]}]


def state(policy: OutputPolicy = PLAIN) -> ChoiceState:
    return ChoiceState(labels.new_digest(b"k"), policy)


def changes(response: dict[str, Any], policy: OutputPolicy = PLAIN) -> dict[str, Any]:
    return responses_output.pass_on(response, state(policy))[0]


@pytest.mark.parametrize(("policy", "shown"), [("pass", True), ("hide", False), ("scope", False)])
def test_a_response_keeps_its_items(policy: Policy, shown: bool) -> None:
    """A hidden reasoning item is emptied, not removed, so that indices stay the same."""
    response = {"output": ITEMS, "output_messages": RAW}
    after = response | changes(response, OutputPolicy(policy=policy))

    assert ("Because." in str(after)) is shown
    assert after["output"][0]["id"] == "rs_1"
    assert after["output"][1:] == ITEMS[1:]
    assert (after["output_messages"] == RAW) is shown


def test_nothing_to_change_changes_nothing() -> None:
    """An answer without a marker keeps its objects."""
    assert changes({"output": ITEMS, "output_messages": RAW}) == {}


def test_stripped_text_takes_its_log_probabilities_along() -> None:
    """Text that is only surrounded keeps them."""
    part = {"type": "output_text", "text": "Yes.<|end|>", "logprobs": [1]}

    stripped = responses_output.pass_part(part, state())
    assert stripped == {**part, "text": "Yes.", "logprobs": []}
    surrounding = state(OutputPolicy(around=Surroundings("", " Ask.")))
    surrounded = responses_output.pass_part({**part, "text": "Yes."}, surrounding)
    assert surrounded == {**part, "text": "Yes. Ask."}


def test_stripped_markers_are_warned_about_and_not_digested() -> None:
    """The digest is of the model's text as the reader sees it."""
    leak = {"output": [{"type": "message", "content": [{"text": "Yes.<|end|>"}]}]}
    clean = {"output": [{"type": "message", "content": [{"text": "Yes."}]}]}
    finals = []
    for response in (leak, clean):
        choice = state()
        _, finish = responses_output.pass_on(response, choice)
        finals.append(choice.final(finish, fingerprint=None))

    assert [final["warnings"] for final in finals] == [["harmony_markers_stripped"], []]
    assert finals[0]["provenance"] == finals[1]["provenance"]


@pytest.mark.parametrize("broken", [1, [1], [{"content": [1]}], [{"content": 1}]])
def test_nonsense_is_named(broken: Any) -> None:
    """Invalid items of any kind raise EngineGarbled."""
    with pytest.raises(EngineGarbled):
        changes({"output": broken})
