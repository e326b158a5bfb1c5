"""The output of a Responses API object: reasoning under the policy, markers gone, all else kept."""

from typing import Any

import pytest

from gateway.errors import EngineGarbled
from gateway.proxy import responses_output
from gateway.proxy.output_policy import PLAIN, ChoiceState, OutputPolicy
from gateway.safety import labels
from gateway.safety.reasoning import Policy

ITEMS: list[dict[str, Any]] = [
    {"type": "reasoning", "id": "rs_1", "summary": [], "content": [{"text": "Because."}]},
    {"type": "message", "content": [{"type": "output_text", "text": "Yes."}]},
    {"type": "function_call", "name": "f", "arguments": "<|end|>"},
]
RAW = [{"message": "<|channel|>analysis<|message|>Because.", "tokens": [1, 2]}]


@pytest.mark.parametrize(("policy", "shown"), [("pass", True), ("hide", False), ("scope", False)])
def test_a_response_keeps_its_items(policy: Policy, shown: bool) -> None:
    """A hidden reasoning item is emptied, not removed: indices stay true."""
    response = {"output": ITEMS, "output_messages": RAW}
    after = response | responses_output.changes(response, OutputPolicy(policy=policy))

    assert ("Because." in str(after)) is shown
    assert after["output"][0]["id"] == "rs_1"
    assert after["output"][1:] == ITEMS[1:]
    assert (after["output_messages"] == RAW) is shown


def test_nothing_to_change_changes_nothing() -> None:
    """An answer without a marker keeps even its objects."""
    assert responses_output.changes({"output": ITEMS, "output_messages": RAW}, PLAIN) == {}


def test_stripped_text_takes_its_log_probabilities_along() -> None:
    """Text that is only surrounded keeps them."""
    part = {"type": "output_text", "text": "Yes.<|end|>", "logprobs": [1]}

    assert responses_output.part_passed(part, PLAIN) == {**part, "text": "Yes.", "logprobs": []}
    placed = responses_output.part_passed({**part, "text": "Yes."}, OutputPolicy(closing=" Ask."))
    assert placed == {**part, "text": "Yes. Ask."}


def test_what_was_stripped_is_told_and_not_digested() -> None:
    """The digest is of what the reader sees of the model's words."""
    leak = {"output": [{"type": "message", "content": [{"text": "Yes.<|end|>"}]}]}
    clean = {"output": [{"type": "message", "content": [{"text": "Yes."}]}]}
    finals = []
    for response in (leak, clean):
        told = ChoiceState(labels.new_digest(b"k"))
        finals.append(told.final(responses_output.hear(response, told), fingerprint=None))

    assert [final["warnings"] for final in finals] == [["harmony_markers_stripped"], []]
    assert finals[0]["provenance"] == finals[1]["provenance"]


@pytest.mark.parametrize("broken", [1, [1], [{"content": [1]}], [{"content": 1}]])
def test_nonsense_is_named(broken: Any) -> None:
    """Whatever is in the place of an item."""
    with pytest.raises(EngineGarbled):
        responses_output.changes({"output": broken}, PLAIN)
    with pytest.raises(EngineGarbled):
        responses_output.hear({"output": broken}, ChoiceState(labels.new_digest(b"k")))
