"""What one choice has told: a digest of its text, and what was odd about it."""

import hashlib
import hmac

from hypothesis import given
from hypothesis import strategies as st

from gateway.relaying.told import Told
from gateway.safety import provenance

KEY = b"k"


def told_of(*texts: str | None, raw: bytes = b"<|") -> Told:
    told = Told(provenance.digest(KEY))
    for text in texts:
        told.hear({"content": text}, raw=raw)
    return told


@given(parts=st.lists(st.text(st.characters(codec="utf-8"))))
def test_the_digest_is_of_the_whole_text(parts: list[str]) -> None:
    """However it was cut into deltas."""
    final = told_of(*parts).final("stop", fingerprint=None)
    expected = hmac.new(KEY, "".join(parts).encode(), hashlib.sha256).hexdigest()
    assert final["provenance"]["output_digest"] == f"hmac-sha256:{expected}"


def test_a_marker_is_told_once() -> None:
    """However often it comes."""
    final = told_of("<|start|>", "a", "<|end|>").final("stop", fingerprint=None)
    assert final["warnings"] == ["harmony_markers"]


def test_what_looks_like_half_a_marker_is_text() -> None:
    """`<|` alone is not Harmony."""
    assert told_of("a <| b").final("stop", fingerprint=None)["warnings"] == []


def test_content_of_another_kind_is_no_text() -> None:
    """Parts in a list are not digested and do not fail."""
    told = Told(provenance.digest(KEY))
    told.hear({"content": [{"text": "a"}]}, raw=b"")
    assert told.final("stop", fingerprint="fp")["warnings"] == ["empty_answer"]
