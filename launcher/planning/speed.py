"""Settings that decide an engine's speed: set by the plan, left to vLLM, or possible, as
`mmhie plan --why` lists them.

Nothing here was measured on a GPU: a possible setting has its public source, and stays off.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Final, Literal, NamedTuple

from launcher import engine_flags
from launcher.json_types import Json
from launcher.models import draft as drafts
from launcher.planning import batch
from launcher.planning.decisions import Decisions
from launcher.planning.engine_command import load_strategy, step_tokens
from launcher.planning.parallelism import can_draft

State = Literal["set", "default", "possible"]
BLACKWELL: Final = (10, 0)  # of data centres; is_device_capability_family(100)
# Of gpt-oss by the card's generation: another kernel than vLLM's own choice, and its source.
KERNELS: Final = {
    9: ("marlin", "InferenceX runs gpt-oss with it on H100; vLLM chooses Triton"),
    10: ("flashinfer_trtllm", "part of +38 % for gpt-oss-120b in vLLM's recipe"),
}
ASKED: Final = "MMHIE_ENGINE_ARGS"
GRAPHS: Final = batch.GRAPHS
MOE: Final = "--moe-backend"
INTERVAL: Final = "--stream-interval"
DRAFT: Final = "--speculative-config"
PREFETCH: Final = "--safetensors-load-strategy"
GRAPH_TOKENS: Final = 2048


class Draft(NamedTuple):
    """A public draft model, the tokens that it proposes at once, and what others measured."""

    id: str
    tokens: int
    gain: str


# Of gpt-oss by its layers, as vLLM's recipes (models/openai/*.yaml) have them.
DRAFTS: Final = {
    24: Draft(
        "RedHatAI/gpt-oss-20b-speculator.eagle3",
        3,
        "2.56 tokens a step on MT-Bench, by vLLM's own test (pull request 32030)",
    ),
    36: Draft("nvidia/gpt-oss-120b-Eagle3-v3", 7, "+10-21 % up to 200 requests at once, in public"),
}
ANY: Final = Draft("OWNER/DRAFT", 3, "where somebody trained one for this model")
# Ways of drafting without asynchronous scheduling (config/vllm.py).
SYNCHRONOUS: Final = frozenset({"ngram", "suffix", "medusa", "mlp_speculator", "custom_class"})
GPT_OSS_GRAPH_TOKENS: Final = 1024
CHUNK_US: Final = 27  # of the gateway's time, docs/performance.md


@dataclass(frozen=True, slots=True)
class SpeedOption:
    """One setting with its value and reason; `arguments` are MMHIE_ENGINE_ARGS that try another."""

    flag: str
    state: State
    value: str
    reason: str
    arguments: tuple[str, ...] = ()

    def as_json(self) -> Json:
        """The entries of `mmhie plan --why --json`."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Schedule:
    """Tokens in one step, requests in it, and the largest step that has a CUDA graph, in tokens."""

    batched_tokens: int
    sequences: int
    graph_tokens: int


def schedule(decided: Decisions) -> Schedule:
    """The schedule of a plan for GPUs; no step has a graph where MMHIE_ENGINE_ARGS say so."""
    arguments, sequences = decided.settings.engine_args, decided.workload.sequences
    tokens = batch.batched_tokens(decided.hardware.gpus, arguments)
    widest = 1024 if decided.hardware.capability[0] == BLACKWELL[0] else 512
    drafted = int(drafts.configured(arguments).get("num_speculative_tokens") or 0)
    usual = min(2 * sequences * (1 + drafted), widest)
    graphs = GPT_OSS_GRAPH_TOKENS if decided.model.is_gpt_oss else usual
    asked = batch.graph_tokens(arguments, tokens)
    return Schedule(tokens, sequences, min(graphs, tokens) if asked is None else asked)


def synchronous(decided: Decisions) -> str | None:
    """Return what makes vLLM plan each step after the one before, if anything does."""
    method = str(drafts.configured(decided.settings.engine_args).get("method"))
    return f"drafts by {method}" if method in SYNCHRONOUS else None


def limit(decided: Decisions) -> str:
    """Return what decides how many requests run at once."""
    arguments, sequences = decided.settings.engine_args, decided.workload.sequences
    if sequences >= decided.settings.max_inflight:
        return "MMHIE_MAX_INFLIGHT; the others wait in the gateway by priority"
    if sequences == batch.batched_tokens(decided.hardware.gpus, arguments):
        return "as many as a step has tokens; the others wait in order"
    return "as many as the KV cache is likely to hold; the others wait in order"


def speeds(decided: Decisions) -> tuple[SpeedOption, ...]:
    """Every such setting of a plan for GPUs; none on a CPU."""
    if decided.device == "cpu":
        return ()
    made = tuple(row for rows in ROWS for row in rows(decided))
    return tuple(_as_asked(row, decided.settings.engine_args) for row in made)


def _as_asked(row: SpeedOption, arguments: tuple[str, ...]) -> SpeedOption:
    """Return a row as MMHIE_ENGINE_ARGS sets it, if it does."""
    written = engine_flags.values(arguments)
    if row.reason.startswith(ASKED) or engine_flags.is_on(row.flag, arguments) is None:
        return row
    value = written[row.flag] or "on" if row.flag in written else "off"
    return SpeedOption(row.flag, "set", value, ASKED)


def _batches(decided: Decisions) -> Iterator[SpeedOption]:
    made = schedule(decided)
    yield SpeedOption(batch.SEQUENCES, "set", str(made.sequences), limit(decided))
    tokens, more = str(made.batched_tokens), (batch.TOKENS, str(2 * made.batched_tokens))
    if step_tokens(decided):
        yield SpeedOption(batch.TOKENS, "set", tokens, "vLLM's choice for the least of the cards")
        return
    reason = "vLLM's choice by the card; more reads prompts faster and holds up answers"
    yield SpeedOption(batch.TOKENS, "default", tokens, reason, more)


def _graphs(decided: Decisions) -> Iterator[SpeedOption]:
    made = schedule(decided)
    asked = batch.graph_tokens(decided.settings.engine_args, made.batched_tokens)
    if asked is not None:
        reason = ASKED if asked else f"{ASKED}: no step has a graph"
        yield SpeedOption(GRAPHS, "set", str(asked or "none"), reason)
        return
    is_short = made.graph_tokens < min(GRAPH_TOKENS, made.batched_tokens)
    yield SpeedOption(
        GRAPHS,
        "possible" if is_short and decided.model.is_gpt_oss else "default",
        str(made.graph_tokens),
        f"steps of more tokens run without a captured graph; {GRAPH_TOKENS} in vLLM's recipe for "
        "gpt-oss, at the price of a longer start and some memory",
        (GRAPHS, str(GRAPH_TOKENS)),
    )


def _experts(decided: Decisions) -> Iterator[SpeedOption]:
    if not decided.model.experts:
        return
    kernels = KERNELS.get(decided.hardware.capability[0])
    if decided.quantization.name != "mxfp4":
        yield SpeedOption(MOE, "default", "auto", "vLLM chooses by the format and the card")
    elif decided.lora or not kernels:
        with_lora = " with an unmerged adapter" if decided.lora else " on this card"
        yield SpeedOption(MOE, "default", "auto", f"vLLM chooses Marlin{with_lora}")
    else:
        other, reason = kernels
        yield SpeedOption(MOE, "possible", "auto", reason, (MOE, other))


def _always(_: Decisions) -> Iterator[SpeedOption]:
    saved = CHUNK_US * 3 / 4
    yield SpeedOption(
        INTERVAL,
        "possible",
        "1",
        "each token is sent when it is there; 4 would send them in fours and save the gateway "
        f"{saved:.0f} µs a token, a fifth of a core at 10,000 tokens/s; vLLM's recipe has 20",
        (INTERVAL, "4"),
    )
    yield SpeedOption(
        batch.MODE,
        "possible",
        "balanced",
        "interactivity has graphs for each small batch; throughput doubles requests and tokens a "
        "step where they are not set",
        (batch.MODE, "interactivity"),
    )


def _draft(decided: Decisions) -> Iterator[SpeedOption]:
    if asked := drafts.configured(decided.settings.engine_args):
        yield SpeedOption(DRAFT, "set", json.dumps(asked), ASKED)
        return
    if not can_draft(decided.model, decided.sizes):
        return
    draft = DRAFTS.get(decided.model.layers, ANY) if decided.model.is_gpt_oss else ANY
    config = {"method": "eagle3", "model": draft.id, "num_speculative_tokens": draft.tokens}
    yield SpeedOption(
        DRAFT,
        "possible",
        "off",
        f"a draft model (EAGLE3) proposes tokens: {draft.gain}; it is fetched and counted when it "
        "is named, and proposes less well for a model that was trained further",
        (DRAFT, json.dumps(config)),
    )


def _cache(decided: Decisions) -> Iterator[SpeedOption]:
    value = decided.workload.kv_dtype
    is_wide = value != "fp8" and decided.hardware.capability >= BLACKWELL
    yield SpeedOption(
        "--kv-cache-dtype",
        "possible" if is_wide else ("set" if value != "auto" else "default"),
        value,
        "MMHIE_KV_CACHE_DTYPE=fp8 halves it, as vLLM's recipe for Blackwell does; answers change a "
        "little: evaluate them first",
    )


def _fixed(decided: Decisions) -> Iterator[SpeedOption]:
    blocked = synchronous(decided)
    reason = f"not with {blocked}" if blocked else "the next step is planned while one runs"
    gain = "" if blocked else " (+14-16 %)"
    yield SpeedOption("--async-scheduling", "default", "off" if blocked else "on", reason + gain)
    yield SpeedOption(
        "--enable-prefix-caching", "default", "on", "a known beginning is not read again"
    )
    if load_strategy(decided):
        yield SpeedOption(PREFETCH, "set", "prefetch", "files fit in memory, and are read ahead")


ROWS: Final[tuple[Callable[[Decisions], Iterator[SpeedOption]], ...]] = (
    _batches,
    _graphs,
    _experts,
    _always,
    _draft,
    _cache,
    _fixed,
)
