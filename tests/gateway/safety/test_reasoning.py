"""The visibility of reasoning, and the data that is removed with it."""

from typing import Any

import pytest

from gateway.safety.reasoning import hide, reasoning_text

BECAUSE = {"reasoning": "Because."}
TOKENS = {"logprobs": {"content": [{"token": "Because"}]}, "token_ids": [1]}


@pytest.mark.parametrize("field", ["reasoning", "reasoning_content"])
def test_hidden_under_either_name(field: str) -> None:
    """The answer stays, and so does the original for digests and audit."""
    message = {"content": "Yes.", field: "Because."}

    assert reasoning_text(message) == "Because."
    assert hide({"message": message}) == {"message": {"content": "Yes."}}
    assert message[field] == "Because."


@pytest.mark.parametrize("part", ["message", "delta"])
@pytest.mark.parametrize(("given", "left"), [(BECAUSE, {}), ({"content": "Yes."},) * 2])
def test_hidden_reasoning_takes_its_tokens_along(
    part: str, given: dict[str, str], left: dict[str, str]
) -> None:
    """Log-probabilities and token ids would spell the reasoning out; the engine may even include it
    in those of the answer."""
    choice: dict[str, Any] = {"index": 0, part: given, **TOKENS}

    assert hide(choice) == {"index": 0, part: left, "logprobs": None, "token_ids": None}
