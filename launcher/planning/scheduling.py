"""The batches of an engine on GPUs: what a plan sets, and vLLM's own choices that it keeps."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from launcher.planning.batch import SEQUENCES, TOKENS, batched_tokens
from launcher.planning.decisions import Decisions

GPT_OSS_GRAPH_TOKENS: Final = 1024


@dataclass(frozen=True, slots=True)
class Schedule:
    """Tokens in one step, requests in it, and the largest step that has a CUDA graph, in tokens."""

    batched_tokens: int
    sequences: int
    graph_tokens: int


def schedule(decided: Decisions) -> Schedule:
    """The schedule of a plan for GPUs."""
    gpus, sequences = decided.hardware.gpus, decided.workload.sequences
    tokens = batched_tokens(gpus, decided.settings.engine_args)
    widest = 1024 if gpus[0].compute_capability[0] == 10 else 512
    graphs = GPT_OSS_GRAPH_TOKENS if decided.model.is_gpt_oss else min(2 * sequences, widest)
    return Schedule(tokens, sequences, min(graphs, tokens))


def reasons(decided: Decisions) -> Iterator[str]:
    """One sentence for each choice that MMHIE_ENGINE_ARGS leaves to the plan."""
    if decided.device == "cpu":
        return
    made, own = schedule(decided), " ".join(decided.settings.engine_args)
    sentences = {
        SEQUENCES: f"{made.sequences} requests at once ({SEQUENCES}), {_limit(decided)}",
        TOKENS: f"{made.batched_tokens} tokens in a step, vLLM's own for this card: more would "
        "hold up the answers that are being written",
        "cudagraph": f"CUDA graphs for steps of up to {made.graph_tokens} tokens, vLLM's own"
        + (" for gpt-oss" if decided.model.is_gpt_oss else ": twice the requests"),
        "async-scheduling": "asynchronous scheduling and prefix caching, both on in vLLM: the "
        "next step is planned while one runs, and a prompt's known beginning is not read again",
    }
    yield from (sentence for flag, sentence in sentences.items() if flag not in own)


def _limit(decided: Decisions) -> str:
    if decided.workload.sequences < decided.settings.max_inflight:
        return "as many as the KV cache is likely to hold; the others wait in order"
    return "MMHIE_MAX_INFLIGHT; the others wait in the gateway by priority"
