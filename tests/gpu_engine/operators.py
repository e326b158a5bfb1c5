"""Plans as operators ask for them: their cards, model, settings and the flags that they add."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from launcher.planning.cards import Gpu
from launcher.planning.hardware import Hardware
from launcher.planning.plan import EnginePlan
from tests.gpu_engine.cards import CARDS
from tests.launcher.plans import plan

MOST: Final = 8  # cards of a machine


@dataclass(frozen=True, slots=True)
class Wish:
    """An operator's cards, model and settings."""

    gpus: str
    model: str
    arguments: str = ""
    settings: str = ""

    def __str__(self) -> str:
        return f"{self.gpus} {self.model} {self.arguments} {self.settings}"

    @property
    def card(self) -> str:
        return self.gpus.partition("x")[2]

    @property
    def count(self) -> int:
        return int(self.gpus.partition("x")[0])


WISHES: Final = (
    Wish("1xh100", "gpt-oss-20b"),
    Wish("1xh100", "gpt-oss-120b", "--performance-mode throughput"),
    Wish("1xh100", "gemma3-27b", "--max_num_batched_tok 16384"),
    Wish("8xh100", "qwen3-235b-a22b", "-ep", "TENSOR_PARALLEL=8"),
    Wish("8xh200", "deepseek-v3", "--spec-method mtp --spec-tokens 1"),
    Wish("1xh100-mig", "llama-8b-fp8", "", "MAX_MODEL_LEN=1024"),
    Wish("1xb200", "gpt-oss-120b", "--moe-backend=flashinfer_trtllm", "KV_CACHE_DTYPE=fp8"),
    Wish("1xb300", "gpt-oss-20b", "-O0"),
    Wish("1xrtx5090", "gpt-oss-20b", "--stream-interval 4"),
    Wish("1xgb10", "gpt-oss-120b"),
    Wish("2xl4", "gpt-oss-20b", "--enforce_eager", "TENSOR_PARALLEL=2"),
    Wish("1xl4", "qwen3-8b", "--no-enable-prefix-caching --no-async-sched"),
    Wish("3xrtx3090", "llama-70b-awq"),
    Wish("1xrtx4090", "llama-8b-fp8", "--max-num-seqs 64 --max-num-batched-tokens=4096"),
    Wish("2xa100-40", "qwen3-30b-a3b", "", "MAX_INFLIGHT=32"),
    Wish("1xl40s", "qwen3-8b", "--spec-method ngram --spec-tokens 4"),
    Wish("1xa10", "mistral-7b", "", "MAX_MODEL_LEN=32768"),
    Wish("1xt4", "llama-8b-gptq", "--max-cudagraph-capture-size 64"),
    Wish("4xa100", "llama-70b", "--seed 7", "DEVICE_MAP=sequential"),
)


def hardware(card: str, count: int = 1) -> Hardware:
    """A machine with so many of these cards."""
    known = CARDS[card]
    gpu = Gpu(known.name, known.memory_gib, known.capability)
    return Hardware(gpus=(gpu,) * count, cpus=64, ram_gib=1024, is_hypothetical=True)


def planned(wish: Wish, folder: Path) -> EnginePlan:
    """The plan for these cards alone."""
    ours: dict[str, Any] = dict(part.split("=") for part in wish.settings.split())
    place, model = hardware(wish.card, wish.count), folder / wish.model
    return plan(place, strict=False, reasoner_model=model, engine_args=wish.arguments, **ours)


def planned_where_it_fits(card: str, model: str, folder: Path) -> tuple[Wish, EnginePlan]:
    """The plan on the fewest of one, two, four and eight cards that hold the model; on eight,
    with its refusal, if they do not."""
    for count in (1, 2, 4, MOST):
        wish = Wish(f"{count}x{card}", model)
        made = planned(wish, folder)
        if made.refusal is None:
            break
    return wish, made
