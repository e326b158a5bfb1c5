"""The contract's gateway and fake engine, talked to in bytes."""

from collections.abc import Iterator

import pytest

from tests.contract.process import Gateway
from tests.fake_engine.process import FakeEngine


@pytest.fixture(scope="module")
def strict(the_engine: FakeEngine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway of little patience."""
    child = Gateway(
        tmp_path_factory.mktemp("strict"),
        the_engine.url,
        MMHIE_HEADER_TIMEOUT_SECONDS="2",
        MMHIE_BODY_TIMEOUT_SECONDS="2",
        MMHIE_KEEP_ALIVE_SECONDS="2",
        MMHIE_SEND_TIMEOUT_SECONDS="1",
    ).wait()
    yield child
    child.stop()
