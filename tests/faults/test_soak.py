"""The soak for half a minute; `make soak` goes on for eight."""

from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.faults.soak import KILLED, Site, is_sound, soak

pytestmark = pytest.mark.slow


async def test_texts_stay_whole(tmp_path: Path) -> None:
    """Under each blow once, every text is the engine's."""
    with ExitStack() as stack:
        crowd = await soak(Site(tmp_path, stack), 0)

    assert is_sound(crowd), crowd.examples
    assert crowd.outcomes["whole"] > crowd.outcomes[KILLED]
