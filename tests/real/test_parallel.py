"""Two processes on the CPU: tensor parallel shares the layers, data parallel copies them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from tests.models import harmony, smollm2
from tests.models.harmony import EXCHANGES, FEVER, SYSTEM
from tests.real.measuring import check_estimate
from tests.real.serving import Served, serving

pytestmark = [
    pytest.mark.slow,  # two engines, one after another
    pytest.mark.skipif((psutil.cpu_count() or 1) < 2, reason="each process needs a core"),
]

MODELS = {"MMHIE_TENSOR_PARALLEL": harmony.model, "MMHIE_DATA_PARALLEL": smollm2.model}
COUNTER = re.compile(
    r'^vllm:generation_tokens_total\{.*engine="(\d)".*\} (?!0\.0$)\S+$', re.MULTILINE
)


@pytest.fixture(scope="module", params=["MMHIE_TENSOR_PARALLEL", "MMHIE_DATA_PARALLEL"])
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """One engine of two processes for each way; copies of experts do not run on the CPU."""
    model = MODELS[request.param]()
    options = {request.param: "2", **harmony.ENVIRONMENT}
    with serving(tmp_path_factory.mktemp("parallel"), model, **options) as running:
        yield running


def test_eight_at_once(served: Served) -> None:
    """Every answer is whole, word for word what one process says."""
    asked = [*EXCHANGES, *EXCHANGES]
    is_tensor = "MMHIE_TENSOR_PARALLEL" in served.settings
    limit = 96 if is_tensor else 16  # the whole answers, or the beginnings of any
    with ThreadPoolExecutor(len(asked)) as pool:
        texts = list(pool.map(lambda lesson: served.text(lesson.question, max_tokens=limit), asked))

    if is_tensor:
        assert texts == [lesson.answer for lesson in asked]
    else:
        assert all(texts)


def test_two_processes_worked(served: Served) -> None:
    """The engine's own fingerprint says tp2, or each of two copies has counted tokens."""
    fingerprint = served.chat(FEVER.question, system=SYSTEM, max_tokens=4)["system_fingerprint"]
    counted = set(COUNTER.findall(served.client.get("/metrics").text))

    if "MMHIE_TENSOR_PARALLEL" in served.settings:
        assert "tp2" in fingerprint
    else:
        assert counted == {"0", "1"}


def test_the_estimate_holds(served: Served) -> None:
    """Resident size of both processes and cache tokens within a tenth."""
    check_estimate(served.stack, served.settings)
