"""Tensor parallelism on the CPU: two processes share the layers."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from tests.models import harmony
from tests.models.harmony import EXCHANGES, FEVER, SYSTEM
from tests.real.serving import Served, serving

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif((psutil.cpu_count() or 1) < 2, reason="each process needs a core"),
]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One engine of two processes."""
    options = {"MMHIE_TENSOR_PARALLEL": "2", **harmony.ENVIRONMENT}
    with serving(tmp_path_factory.mktemp("parallel"), harmony.model(), **options) as running:
        yield running


def test_eight_at_once(served: Served) -> None:
    """Every answer is whole, word for word what one process says; two worked at it."""
    asked = [*EXCHANGES, *EXCHANGES]
    with ThreadPoolExecutor(len(asked)) as pool:
        answers = list(pool.map(lambda lesson: served.generate(lesson.question), asked))
    fingerprint = served.chat(FEVER.question, system=SYSTEM, max_tokens=4)["system_fingerprint"]

    assert [answer.json()["text"] for answer in answers] == [lesson.answer for lesson in asked]
    assert "tp2" in fingerprint
