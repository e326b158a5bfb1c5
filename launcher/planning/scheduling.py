"""The batches of an engine on GPUs: what a plan sets, and vLLM's own choices that it keeps."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from launcher import engine_flags
from launcher.models import draft
from launcher.planning.batch import SEQUENCES, TOKENS, batched_tokens, graph_tokens
from launcher.planning.decisions import Decisions

# Ways of drafting without asynchronous scheduling (config/vllm.py).
SYNCHRONOUS: Final = frozenset({"ngram", "suffix", "medusa", "mlp_speculator", "custom_class"})
GPT_OSS_GRAPH_TOKENS: Final = 1024
BLACKWELL: Final = 10  # of data centres; is_device_capability_family(100)


@dataclass(frozen=True, slots=True)
class Schedule:
    """Tokens in one step, requests in it, and the largest step that has a CUDA graph, in tokens."""

    batched_tokens: int
    sequences: int
    graph_tokens: int


def schedule(decided: Decisions) -> Schedule:
    """The schedule of a plan for GPUs; no step has a graph where MMHIE_ENGINE_ARGS say so."""
    arguments, sequences = decided.settings.engine_args, decided.workload.sequences
    tokens = batched_tokens(decided.hardware.gpus, arguments)
    widest = 1024 if decided.hardware.capability[0] == BLACKWELL else 512
    drafted = int(draft.configured(arguments).get("num_speculative_tokens") or 0)
    usual = min(2 * sequences * (1 + drafted), widest)
    graphs = GPT_OSS_GRAPH_TOKENS if decided.model.is_gpt_oss else usual
    asked = graph_tokens(arguments, tokens)
    return Schedule(tokens, sequences, min(graphs, tokens) if asked is None else asked)


def reasons(decided: Decisions) -> Iterator[str]:
    """One sentence for each choice that MMHIE_ENGINE_ARGS leaves to the plan."""
    if decided.device == "cpu":
        return
    made, own = schedule(decided), " ".join(engine_flags.values(decided.settings.engine_args))
    sentences = {
        SEQUENCES: f"{made.sequences} requests at once ({SEQUENCES}), {limit(decided)}",
        TOKENS: f"{made.batched_tokens} tokens in a step, vLLM's own for this card: more would "
        "hold up the answers that are being written",
        "cudagraph": f"CUDA graphs for steps of up to {made.graph_tokens} tokens, vLLM's own"
        + (" for gpt-oss" if decided.model.is_gpt_oss else ": twice the requests"),
        "async-scheduling|prefix-caching": "asynchronous scheduling and prefix caching, both on in "
        "vLLM: the next step is planned while one runs, and a prompt's known beginning is not "
        "read again",
    }
    if blocked := synchronous(decided):
        sentences["async-scheduling|prefix-caching"] = (
            f"prefix caching, on in vLLM; asynchronous scheduling is off there with {blocked}"
        )
    if graph_tokens(decided.settings.engine_args, made.batched_tokens):
        del sentences["cudagraph"]
    elif not made.graph_tokens:
        sentences["cudagraph"] = "no CUDA graphs (MMHIE_ENGINE_ARGS)"
    yield from (sentence for flag, sentence in sentences.items() if not re.search(flag, own))


def synchronous(decided: Decisions) -> str | None:
    """Return what makes vLLM plan each step after the one before, if anything does."""
    method = str(draft.configured(decided.settings.engine_args).get("method"))
    if method in SYNCHRONOUS:
        return f"drafts by {method}"
    is_ray = decided.settings.distributed_backend == "ray"
    return "Ray" if is_ray and (decided.sizes.devices > 1 or decided.hardware.nodes > 1) else None


def limit(decided: Decisions) -> str:
    """Return what decides how many requests run at once."""
    arguments, sequences = decided.settings.engine_args, decided.workload.sequences
    if sequences >= decided.settings.max_inflight:
        return "MMHIE_MAX_INFLIGHT; the others wait in the gateway by priority"
    if sequences == batched_tokens(decided.hardware.gpus, arguments):
        return "as many as a step has tokens; the others wait in order"
    return "as many as the KV cache is likely to hold; the others wait in order"
