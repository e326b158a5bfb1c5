"""The tokens of a step, and the requests at once, by card and by MMHIE_ENGINE_ARGS."""

import pytest

from launcher.models.config import from_config
from tests.gpu_engine.models import MODELS
from tests.launcher.plans import plan, value


@pytest.mark.parametrize(
    ("gpus", "arguments", "tokens"),
    [
        ("1xl4", "", 2048),
        ("8xh100", "", 8192),
        ("1xb200", "", 16384),
        ("cpu,ram=64", "", 2048),
        ("1xh100", "--max-num-batched-tokens=4096 --max_num_batched_tok=512", 512),
    ],
)
def test_tokens_of_a_step(gpus: str, arguments: str, tokens: int) -> None:
    """By the GPU's memory. MMHIE_ENGINE_ARGS wins, and of two the last."""
    made = plan(gpus, reasoner_model="embedded", engine_args=arguments)

    assert made.workload.batched_tokens == tokens


@pytest.mark.parametrize(
    ("gpus", "model", "sequences"),
    [("1xl4", "llama-8b", 32), ("1xh100", "gpt-oss-120b", 128), ("1xh100", "gpt-oss-20b", 256)],
)
def test_requests_at_once(gpus: str, model: str, sequences: int) -> None:
    """As many as fit at a sixth of the longest request, in halves of MMHIE_MAX_INFLIGHT."""
    made = plan(gpus, model=from_config(MODELS[model], source=model))

    assert value(made, "--max-num-seqs") == str(sequences)


@pytest.mark.parametrize(
    ("most", "arguments", "planned"), [(9999, "--max-num-batched-tokens 64", 64), (4, "", 4)]
)
def test_no_more_requests_than_tokens_in_a_step(most: int, arguments: str, planned: int) -> None:
    """A request needs one token of a step at least."""
    small = plan("1xl4", reasoner_model="embedded", max_inflight=most, engine_args=arguments)

    assert value(small, "--max-num-seqs") == str(planned)
