"""A disk that fills up (tests/real/test_chaos.py fills one): what workers map is there in full."""

from pathlib import Path

import pytest

from tests.contract.surfaces import SURFACES
from tests.fake_engine.process import FakeEngine
from tests.gateway.processes.conftest import Several

pytestmark = pytest.mark.slow


def test_counts_are_never_sparse(engine: FakeEngine, tmp_path: Path) -> None:
    """Every file that workers map is there in full, before and after it is used; a dead worker's
    successor needs no more room."""
    with Several(tmp_path, engine.url, TMPDIR=str(tmp_path), MMHIE_WORKERS="2") as gateway:
        gateway.wait().settled(2)
        for surface in SURFACES:
            surface.ask(gateway.client)
        gateway.client.get("/metrics")
        files = list(tmp_path.glob("mmhie-metrics-*/*.db"))
        assert len(files) == 2 * 6
        for file in files:
            assert file.stat().st_blocks * 512 >= file.stat().st_size, file
