"""The assumptions of a sizing, listed with it."""

from collections.abc import Iterator

from launcher.capacity import measured
from launcher.capacity.sizing import GATEWAY_BUSY, ROUTER_CORES, WORKERS, Sizing


def assumptions(sizing: Sizing) -> Iterator[str]:
    """Yield every assumption, the one that matters most first."""
    demand, card, engine = sizing.demand, sizing.card, sizing.engine
    yield (
        f"{demand.rate:g} requests a second at the peak, Poisson; {demand.tokens_in} tokens in, "
        f"{demand.tokens_out} out, reasoning counted as written"
    )
    kind = "held against" if measured.has_run(card) else "without"
    yield (
        f"an engine's speed is a roofline of the {card.name} ({card.bandwidth_gb_s:,.0f} GB/s, "
        f"{card.bf16_tflops:,.0f} TFLOP/s), {kind} published runs; nothing was measured on a GPU "
        "here"
    )
    if engine.plan.adapter is not None:
        yield (
            "the adapter costs nothing, as if it were merged (`mmhie merge-adapter`); applied "
            "while serving it makes engines slower, by how much is not known here"
        )
    yield (
        f"tokens come at least every {demand.inter_token_s * 1000:g} ms on average; engines are "
        f"planned at {demand.utilization:.0%} of the rate at which they would not, or at which "
        "they are full"
    )
    yield (
        f"at most {engine.max_sequences} sequences at once in an engine: MMHIE_MAX_INFLIGHT allows "
        f"{engine.speed.workload.sequences}, the KV cache holds {engine.cache_sequences} such "
        "requests"
    )
    yield "no prompt begins like another: where many do, engines read less and this is too many"
    yield (
        f"a gateway spends {measured.REQUEST_S * 1000:g} ms on a request and "
        f"{measured.CHUNK_S * 1e6:g} us on each token that is streamed (measured), and is "
        f"planned at {GATEWAY_BUSY:.0%} of {WORKERS} workers; a router at {ROUTER_CORES} busy "
        "processors"
    )
    engines = f"{demand.spare} engine{'' if demand.spare == 1 else 's'} may be away"
    yield engines + (", and one gateway and one router" if demand.spare else "")
