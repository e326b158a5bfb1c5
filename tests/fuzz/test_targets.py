"""Every target on well-formed input, damaged in ways that hypothesis chooses: no crash."""

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.seeds import SEEDS, WORDS
from tests.fuzz.targets import TARGETS

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "40"))  # `make fuzz` tries more
QUIET = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@st.composite
def damaged(draw: st.DrawFn, seeds: tuple[bytes, ...]) -> bytes:
    """A seed with a few cuts, insertions of random bytes or of a format's words, and copies."""
    data = draw(st.sampled_from(seeds))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(data)))
        to = min(len(data), at + draw(st.integers(0, 20)))
        words = st.sampled_from([word.encode() for word in WORDS])
        middle = draw(st.binary(max_size=12) | words | st.just(data[at:to] * 2))
        data = data[:at] + middle + data[to:]
    return data


@pytest.mark.timeout(0 if EXAMPLES > 1000 else 180)
@pytest.mark.parametrize("name", TARGETS)
def test_damaged_input(name: str) -> None:
    """Either understood or refused in our own words; what must stay true does."""

    @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=QUIET)
    @given(damaged(SEEDS[name]) | st.binary(max_size=60))
    def run(data: bytes) -> None:
        TARGETS[name](data)

    run()
