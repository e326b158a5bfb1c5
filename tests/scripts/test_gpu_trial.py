"""The script of a first start on a GPU: what it reads of a log, and a start on the CPU's engine."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from scripts import gpu_trial

pytestmark = pytest.mark.slow

OUTPUT = Path(__file__).parents[1] / "launcher" / "serving" / "engine_output"
GPU_LOG = """
(EngineCore pid=1) INFO 01-27 00:31:44 [cuda.py:351] Using FLASH_ATTN attention backend out of
(EngineCore pid=1) INFO 01-27 00:31:44 [mxfp4.py:165] Using TRITON backend
(EngineCore pid=1) INFO 01-27 00:31:59 [x.py:1] Model loading took 64.38 GiB memory and 14.4 seconds
(EngineCore pid=1) INFO 01-27 00:32:22 [gpu_worker.py:298] Available KV cache memory: 1.71 GiB
(EngineCore pid=1) INFO 01-27 00:32:24 [kv_cache_utils.py:2327] GPU KV cache size: 46,592 tokens
"""


def test_figures_of_a_gpus_log() -> None:
    """Lines as public logs have them."""
    assert gpu_trial.figures(GPU_LOG) == {
        "weights_gib": 64.38,
        "load_s": 14.4,
        "cache_gib": 1.71,
        "cache_tokens": 46592,
        "backends": ["FLASH_ATTN", "TRITON"],
    }


def test_figures_of_a_cpus_log() -> None:
    """Captured from the installed engine; what is not there is left out."""
    figures = gpu_trial.figures((OUTPUT / "healthy_eager.txt").read_text())

    assert (figures["cache_tokens"], figures["init_s"]) == (46592, 2.97)
    assert "graphs_s" not in figures


def test_a_start_that_fails_says_so(tmp_path: Path) -> None:
    """An engine that ends is no answer, and its log is kept."""
    model = gpu_trial.described(tmp_path / "model", small=True)
    refusing = (sys.executable, "-c", "import sys; sys.exit(' '.join(sys.argv))")
    plan = replace(gpu_trial.plan_for(model, "cpu,ram=16"), argv=refusing)
    log = tmp_path / "start.log"

    assert not gpu_trial.started(plan, ("--no-such-flag",), log)["answered"]
    assert "--no-such-flag" in log.read_text()


@pytest.mark.engine
@pytest.mark.slow
def test_the_trial_on_the_cpus_engine(tmp_path: Path) -> None:
    """Everything but the GPU: description, plan, start with random weights, a token, figures."""
    gpu_trial.main([str(tmp_path), "--small"])
    written = json.loads((tmp_path / "figures.json").read_text())

    assert written["starts"]["eager"]["answered"]
    assert written["starts"]["eager"]["cache_tokens"] > 0
