"""The state of one choice: the digest of its text, and its warnings."""

import hashlib
import hmac

from hypothesis import given
from hypothesis import strategies as st

from gateway.proxy.output_policy import ChoiceState
from gateway.safety import labels

KEY = b"k"


def told_of(*texts: str | None) -> ChoiceState:
    told = ChoiceState(labels.new_digest(KEY))
    for text in texts:
        told.hear({"content": text})
    return told


@given(parts=st.lists(st.text(st.characters(codec="utf-8"))))
def test_the_digest_is_of_the_whole_text(parts: list[str]) -> None:
    """It does not depend on the deltas."""
    final = told_of(*parts).final("stop", fingerprint=None)
    expected = hmac.new(KEY, "".join(parts).encode(), hashlib.sha256).hexdigest()
    assert final["provenance"]["output_digest"] == f"hmac-sha256:{expected}"


def test_a_marker_is_told_once() -> None:
    """Several markers give one warning."""
    told = ChoiceState(labels.new_digest(KEY))

    assert [told.pass_text(text) for text in ("<|start|>", "a", "b<|end|>")] == ["", "a", "b"]
    assert told.final("stop", fingerprint=None)["warnings"][0] == "harmony_markers_stripped"


def test_stripped_text_takes_its_tokens_along() -> None:
    """Log-probabilities and ids would spell it out; a clean choice keeps them."""
    told = ChoiceState(labels.new_digest(KEY))
    leak = {"delta": {"content": "a<|end|>"}, "logprobs": {"content": [1]}, "token_ids": [7]}
    clean = {"delta": {"content": "b"}, "logprobs": {"content": [2]}, "token_ids": None}
    shown = told.pass_on(leak)

    assert (shown["logprobs"], shown["token_ids"]) == (None, None)
    assert told.pass_on(clean) is clean


def test_content_of_another_kind_is_no_text() -> None:
    """A list of parts is not digested, and is no error."""
    told = ChoiceState(labels.new_digest(KEY))
    told.hear({"content": [{"text": "a"}]})
    assert told.final("stop", fingerprint="fp")["warnings"] == ["empty_answer"]
