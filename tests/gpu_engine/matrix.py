"""Planned command lines beside what a person would type without a plan."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, Final

from launcher.errors import LauncherError
from launcher.planning.batch import batched_tokens
from launcher.planning.cards import Gpu
from launcher.planning.decisions import Decisions
from launcher.planning.hardware import Hardware
from launcher.planning.installation import Installation
from launcher.planning.plan import EnginePlan
from tests.gpu_engine.cards import CARDS, Card
from tests.gpu_engine.wheel import ask, environment
from tests.launcher.plans import plan

QUANTIZE: Final = ("none", "bitsandbytes", "gptq", "awq", "mxfp4", "fp8")
DTYPES: Final = ("auto", "bfloat16", "float16")
KV_DTYPES: Final = ("auto", "fp8")
# Enough for every model, so that memory is not what decides.
COUNT: Final = 8


@dataclass(frozen=True, slots=True)
class Case:
    """One model on one card, with the formats that were asked for, and GPUs (0: as planned)."""

    card: str
    model: str
    quantize: str
    dtype: str
    kv_dtype: str
    tensor: int = 0

    @property
    def is_plain(self) -> bool:
        """Nobody asks for a format."""
        formats = (self.quantize, self.dtype, self.kv_dtype)
        return formats == ("none", "auto", "auto")


@dataclass(frozen=True, slots=True)
class Planned:
    """The line for the engine, and the size of a step or why there is no plan."""

    line: list[str]
    refusal: str | None
    step: dict[str, int] | None = None


def cases(models: Sequence[str]) -> list[Case]:
    """Every capability with every format, every card quantized, and on one card every size."""
    capable = {card.capability: name for name, card in reversed(CARDS.items())}.values()
    formats = product(capable, models, QUANTIZE, DTYPES, KV_DTYPES)
    others = product(CARDS.keys() - set(capable), models, QUANTIZE, DTYPES[:1], KV_DTYPES[:1])
    sizes = product(models, (2, 3, 4, 8))
    cases = [Case(*row) for row in (*formats, *others)]
    return cases + [Case("h100", model, "none", "auto", "auto", size) for model, size in sizes]


def hardware(card: Card) -> Hardware:
    gpu = Gpu(card.name, card.memory_gib, card.capability)
    return Hardware(gpus=(gpu,) * COUNT, cpus=64, ram_gib=1024, is_hypothetical=True)


def planned(case: Case, folder: Path) -> Planned:
    """The planned line, or where it is refused the one a person would type."""
    formats = {"quantize": case.quantize, "dtype": case.dtype, "kv_cache_dtype": case.kv_dtype}
    ours: dict[str, Any] = formats | ({"tensor_parallel": case.tensor} if case.tensor else {})
    plugins = Installation(plugins=frozenset({"bitsandbytes"}))
    place = hardware(CARDS[case.card])
    try:
        made = plan(place, plugins, strict=False, reasoner_model=folder, **ours)
    except LauncherError as refusal:
        return Planned(typed(case, folder), str(refusal))
    return Planned(line_of(made), None, step_of(made.decisions))


def step_of(decided: Decisions) -> dict[str, int]:
    """Tokens and requests of one step, which the memory estimate counts with."""
    tokens = batched_tokens(decided.hardware.gpus, decided.settings.engine_args)
    return {"batched_tokens": tokens, "sequences": decided.workload.sequences}


def line_of(made: EnginePlan) -> list[str]:
    """The planned words, as vLLM's parser sees them."""
    return [part for part in made.argv if part not in ("vllm", "serve")]


def typed(case: Case, folder: Path) -> list[str]:
    """`vllm serve` with the same wishes in vLLM's own words."""
    wish = case.quantize if case.quantize != "none" else None
    quantization = ["--quantization", wish] if wish else []
    rest = ["--dtype", case.dtype, "--kv-cache-dtype", case.kv_dtype]
    size = ["--tensor-parallel-size", str(case.tensor)] if case.tensor else []
    return [str(folder), *quantization, *rest, *size]


def judged(lines: dict[str, list[list[str]]], folder: Path) -> dict[str, list[dict[str, Any]]]:
    """The engine's verdict on each line, by card."""
    asked = [{"card": CARDS[card].facts(COUNT), "lines": some} for card, some in lines.items()]
    first = CARDS["a100"].facts(COUNT)
    verdicts = ask("judge.py", asked, folder, environment(folder / "cache"), first)
    return dict(zip(lines, verdicts, strict=True))
