"""The number of tokens vLLM schedules at once, by card and by MMHIE_ENGINE_ARGS."""

import pytest

from launcher.planning.batch import batched_tokens, has_graphs
from launcher.planning.cards import Gpu
from launcher.planning.hardware import parse


@pytest.mark.parametrize(
    ("gpus", "tokens"),
    [
        ("1xa100", 2048),
        ("1xa100-40", 2048),
        ("1xl40s", 2048),
        ("8xh100", 8192),
        ("1xh200", 8192),
        ("1xb200", 16384),
        ("1x96,cc=12.0", 8192),
        ("1xgb10", 2048),
        ("cpu", 2048),
    ],
)
def test_by_card(gpus: str, tokens: int) -> None:
    """An A100 is told by its name, a GB10 by its capability, the others by memory."""
    assert batched_tokens(parse(gpus).gpus) == tokens


def test_the_smallest_of_different_cards() -> None:
    """Every rank gets the same batch."""
    assert batched_tokens((Gpu("NVIDIA H100", 79), Gpu("NVIDIA L4", 22))) == 2048


@pytest.mark.parametrize(
    "arguments",
    [
        ("--max-num-batched-tokens", "512"),
        ("--max-num-batched-tokens=4096", "--max-num-batched-tokens=512"),
        ("--max_num_batched_tok=0.512k", "--performance-mode=throughput"),
    ],
)
def test_as_told(arguments: tuple[str, ...]) -> None:
    """MMHIE_ENGINE_ARGS wins, and of two the last."""
    assert batched_tokens(parse("1xh100").gpus, arguments) == 512


def test_throughput_doubles_what_is_not_set() -> None:
    """Throughput mode doubles the tokens of a step, as vLLM does."""
    arguments = ("--performance-mode", "throughput")

    assert batched_tokens(parse("1xh100").gpus, arguments) == 16384


@pytest.mark.parametrize(
    ("arguments", "has"),
    [(("--enforce-eager",), False), (("-O0",), False), (("-O2", "--no-enforce-eager"), True)],
)
def test_graphs(arguments: tuple[str, ...], has: bool) -> None:
    """They are captured unless every step is eager."""
    assert has_graphs(arguments) is has
