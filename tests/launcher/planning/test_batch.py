"""The number of tokens vLLM schedules at once, by card and by MMHIE_ENGINE_ARGS."""

from functools import partial

import pytest

from launcher.errors import PlanError
from launcher.models.config import from_config
from launcher.planning.batch import batched_tokens
from launcher.planning.hardware import parse
from tests.gpu_engine.models import MODELS
from tests.launcher.plans import plan, value


@pytest.mark.parametrize(
    ("gpus", "arguments", "tokens"),
    [
        ("1xa100", "", 2048),
        ("8xh100", "", 8192),
        ("1xb200", "", 16384),
        ("1xgb10", "", 2048),
        ("cpu", "", 2048),
        ("1xh100", "--max-num-batched-tokens=4096 --max-num-batched-tokens=512", 512),
        ("1xh100", "--max_num_batched_tok=0.512k --performance-mode=throughput", 512),
    ],
)
def test_tokens_of_a_step(gpus: str, arguments: str, tokens: int) -> None:
    """An A100 is known by its name, a GB10 by its capability, the others by memory.
    MMHIE_ENGINE_ARGS wins, and of two the last; throughput doubles what is not set.
    """
    assert batched_tokens(parse(gpus).gpus, arguments.split()) == tokens


@pytest.mark.parametrize(
    ("gpus", "model", "sequences"),
    [("1xl4", "llama-8b", 32), ("1xh100", "gpt-oss-120b", 128), ("1xh100", "gpt-oss-20b", 256)],
)
def test_requests_at_once(gpus: str, model: str, sequences: int) -> None:
    """As many as fit at a sixth of the longest request, in halves of MMHIE_MAX_INFLIGHT."""
    made = plan(gpus, model=from_config(MODELS[model], source=model))

    assert value(made, "--max-num-seqs") == str(sequences)


@pytest.mark.parametrize(
    ("hardware", "arguments", "tokens"),
    [("1xa100", "", 2048), ("cpu,ram=999,cpus=999", "--max-num-batched-tokens 9", 9)],
)
def test_no_more_requests_than_tokens_in_a_step(hardware: str, arguments: str, tokens: int) -> None:
    """vLLM refuses more; the operator's own number is refused, fewer are planned by itself."""
    small = partial(plan, hardware, reasoner_model="embedded", max_inflight=9999)

    assert value(small(engine_args=arguments), "--max-num-seqs") == str(tokens)
    with pytest.raises(PlanError, match=rf"9,999, and a step has {tokens:,} tokens"):
        small(engine_args=f"{arguments} --max-num-seqs 9999")
