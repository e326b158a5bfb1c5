"""The number of tokens vLLM schedules at once, by card and by MMHIE_ENGINE_ARGS."""

from functools import partial

import pytest

from launcher.errors import PlanError
from launcher.models.config import from_config
from launcher.planning.batch import batched_tokens, has_graphs
from launcher.planning.hardware import parse
from tests.gpu_engine.models import MODELS
from tests.launcher.plans import plan, value


@pytest.mark.parametrize(
    ("gpus", "arguments", "tokens"),
    [
        ("1xa100", "", 2048),
        ("1xa100-40", "", 2048),
        ("1xl40s", "", 2048),
        ("8xh100", "", 8192),
        ("1xh200", "", 8192),
        ("1xb200", "", 16384),
        ("1x96,cc=12.0", "", 8192),
        ("1xgb10", "", 2048),
        ("cpu", "", 2048),
        ("1xh100", "--max-num-batched-tokens 512", 512),
        ("1xh100", "--max-num-batched-tokens=4096 --max-num-batched-tokens=512", 512),
        ("1xh100", "--max_num_batched_tok=0.512k --performance-mode=throughput", 512),
        ("1xh100", "--performance-mode throughput", 16384),
    ],
)
def test_tokens_of_a_step(gpus: str, arguments: str, tokens: int) -> None:
    """An A100 is known by its name, a GB10 by its capability, the others by memory.
    MMHIE_ENGINE_ARGS wins, and of two the last; throughput doubles what is not set.
    """
    assert batched_tokens(parse(gpus).gpus, arguments.split()) == tokens


@pytest.mark.parametrize(
    ("arguments", "has"),
    [((), True), (("--enforce-eager",), False), (("--enforce-eager", "--no-enforce-eager"), True)],
)
def test_graphs(arguments: tuple[str, ...], has: bool) -> None:
    """They are captured unless every step is eager."""
    assert has_graphs(arguments) is has


@pytest.mark.parametrize(
    ("gpus", "model", "sequences"),
    [("1xl4", "llama-8b", 32), ("1xh100", "gpt-oss-120b", 128), ("1xh100", "gpt-oss-20b", 256)],
)
def test_requests_at_once(gpus: str, model: str, sequences: int) -> None:
    """As many as fit at a sixth of the longest request, in halves of MMHIE_MAX_INFLIGHT."""
    known = from_config(MODELS[model], source=model)
    made = plan(gpus, model=known)
    marlin = plan(gpus, model=known, engine_args="--moe-back marlin")

    assert value(made, "--max-num-seqs") == str(sequences)
    is_padded_more = (gpus, model[:3]) == ("1xh100", "gpt")
    assert (marlin.memory.weights_gib > made.memory.weights_gib) == is_padded_more


@pytest.mark.parametrize("hardware", ["1xa100", "cpu,ram=999,cpus=999"])
@pytest.mark.parametrize(("arguments", "tokens"), [("", 2048), ("--max-num-batched-tokens 9", 9)])
def test_no_more_requests_than_tokens_in_a_step(hardware: str, arguments: str, tokens: int) -> None:
    """vLLM refuses more; the operator's own number is refused, fewer are planned by itself."""
    small = partial(plan, hardware, reasoner_model="embedded", max_inflight=9999)

    assert value(small(engine_args=arguments), "--max-num-seqs") == str(tokens)
    with pytest.raises(PlanError, match=rf"9,999, and a step has {tokens:,} tokens"):
        small(engine_args=f"{arguments} --max-num-seqs 9999")
