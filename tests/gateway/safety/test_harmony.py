"""The Harmony guard: no marker reaches a reader, and no other text is lost."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.safety.harmony import MARKERS, HarmonyGuard

# Pieces that make trouble more likely than random characters do.
PIECES = st.sampled_from(
    [
        *(f"<|{name}|>" for name in MARKERS),
        *("<", "<|", "|>", "<|st", "assistant", "analysis", "final", "commentary", "fin", " "),
        *(" to=functions.x ", "json", "a", "Yes.", "\n", "BP <120 |x|", "functions.get", "ü"),
    ]
)
TEXTS = st.lists(PIECES | st.text(max_size=5), max_size=12).map("".join)


def fed(deltas: list[str]) -> tuple[str, bool]:
    """Return the text that a reader sees of these deltas, and whether Harmony was found."""
    guard = HarmonyGuard()
    shown = "".join(guard.feed(delta) for delta in deltas)
    rest, is_marked = guard.finish()
    return shown + rest, is_marked


@given(TEXTS, st.lists(st.integers(0, 120), max_size=10))
def test_where_deltas_are_cut_makes_no_difference(text: str, cuts: list[int]) -> None:
    """Any split of a text gives the same result."""
    at = sorted({min(cut, len(text)) for cut in cuts} | {0, len(text)})
    deltas = [text[a:b] for a, b in pairwise(at)]

    assert fed(deltas) == fed([text]) == fed(list(text))


@given(TEXTS)
def test_no_marker_ever_gets_out(text: str) -> None:
    """For any output of the engine, no complete marker is shown."""
    shown, is_marked = fed([text])

    assert is_marked or shown == text
    assert is_marked == any(f"<|{name}|>" in text for name in MARKERS) or shown != text


@given(st.text().filter(lambda text: "<|" not in text))
def test_text_without_markers_is_unchanged(text: str) -> None:
    """A clean answer passes completely, angle brackets included."""
    assert fed(list(text)) == (text, False)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        # seen from vLLM 0.32: cut inside a channel header
        ("<|start|>assistant<|channel|>fin", ""),
        ("Take one.<|retu", "Take one."),
        ("<|channel|>final<|message|>Take one.<|return|>", "Take one."),
        ("<|channel|>commentary to=functions.dose <|constrain|>json<|message|>{}<|call|>", "{}"),
        # a leak of the chain of thought as content
        (
            "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>Yes.",
            "Yes.",
        ),
        ("Yes.<|channel|>analysis<|message|>Hm.", "Yes."),
        ("<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|message|>Yes.", "Yes."),
        ("<|channel|>analysis<|message|>Hm.<|end|>Yes.", "Yes."),
        ("<|channel|>analysis Hm, the patient", ""),
        # a header that was none: the answer is kept, the name is not
        ("<|channel|>final The answer is yes.", "The answer is yes."),
        ("<|channel|>The answer is yes.", "The answer is yes."),
        ("<|start|>Yes.", "Yes."),
        ("<|start|>assistant\nYes.", "\nYes."),
        ("<|channel|>" + "x" * 200, "x" * 200),
        ("<|channel|>banana<|message|>Yes.", "Yes."),
        ("<|start|>functions.get_dose to=assistant<|message|>{}", "{}"),
    ],
)
def test_what_a_reader_sees_of_broken_harmony(text: str, shown: str) -> None:
    """Markers, headers and analysis are removed; the answer stays."""
    assert fed([text]) == (shown, True)


@pytest.mark.parametrize("text", ["a<b", "BP <120", "<|", "<", "1 <| 2", "<|x|>", "<|starts|>"])
def test_angle_brackets_of_ordinary_text_stay(text: str) -> None:
    """Only the seven markers are Harmony."""
    assert fed(list(text)) == (text, False)
