"""Gateway and engine at work together; their faults are in tests/faults/test_matrix.py."""

import pytest

from tests.contract.process import Gateway
from tests.contract.surfaces import (
    STREAMS,
    Surface,
    name_of,
)
from tests.fake_engine.process import FakeEngine


@pytest.mark.parametrize("surface", STREAMS, ids=name_of)
def test_tokens_leave_when_they_come(
    gateway: Gateway, engine: FakeEngine, surface: Surface
) -> None:
    """Each is read before the engine makes the next, which waits for that."""
    words = [f" word{number}" for number in range(10)]
    engine.next({"fault": "gated"}, {"fault": "say", "tokens": words})
    received = b""
    with surface.stream(gateway.client, **surface.limit(10)) as answer:
        parts = answer.iter_raw()
        for word in words:
            while word.strip().encode() not in received:
                received += next(parts)
            engine.release()
        received += b"".join(parts)

    assert surface.form == "text" or b'"error"' not in received
