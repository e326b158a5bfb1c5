"""The assumptions of a sizing, listed with it."""

from __future__ import annotations

from launcher.capacity import measured
from launcher.capacity.sizing import GATEWAY_BUSY, ROUTER_CORES, WORKERS, Sizing
from launcher.planning.plan import EnginePlan


def assumptions(sizing: Sizing) -> list[str]:
    """Every assumption, the one that matters most first."""
    return [
        of_demand(sizing),
        of_speed(sizing),
        *of_adapter(sizing.engine.plan),
        of_target(sizing),
        of_batch(sizing),
        "no prompt begins like another: where many do, engines read less and this is too many",
        of_gateways(),
        of_spare(sizing.demand.spare),
    ]


def of_demand(sizing: Sizing) -> str:
    demand = sizing.demand
    return (
        f"{demand.rate:g} requests a second at the peak, Poisson; {demand.tokens_in} tokens in, "
        f"{demand.tokens_out} out, reasoning counted as written"
    )


def of_speed(sizing: Sizing) -> str:
    card = sizing.card
    kind = "held against" if measured.has_run(card) else "without"
    return (
        f"an engine's speed is a roofline of the {card.name} ({card.bandwidth_gb_s:,.0f} GB/s, "
        f"{card.bf16_tflops:,.0f} TFLOP/s), {kind} published runs; nothing was measured on a GPU "
        "here"
    )


def of_adapter(plan: EnginePlan) -> list[str]:
    if plan.adapter is None:
        return []
    return [
        "the adapter costs nothing, as if it were merged (`mmhie merge-adapter`); applied while "
        "serving it makes engines slower, by how much is not known here"
    ]


def of_target(sizing: Sizing) -> str:
    demand = sizing.demand
    return (
        f"tokens come at least every {demand.inter_token_s * 1000:g} ms on average; engines are "
        f"planned at {demand.utilization:.0%} of the rate at which they would not, or at which "
        "they are full"
    )


def of_batch(sizing: Sizing) -> str:
    one = sizing.engine
    return (
        f"at most {one.max_sequences} sequences at once in an engine: MMHIE_MAX_INFLIGHT allows "
        f"{one.speed.workload.sequences}, the KV cache holds {one.cache_sequences} such requests"
    )


def of_gateways() -> str:
    return (
        f"a gateway spends {measured.REQUEST_S * 1000:g} ms on a request and "
        f"{measured.CHUNK_S * 1e6:g} us on each token that is streamed (measured), and is "
        f"planned at {GATEWAY_BUSY:.0%} of {WORKERS} workers; a router at {ROUTER_CORES} busy "
        "processors"
    )


def of_spare(spare: int) -> str:
    engines = f"{spare} engine{'' if spare == 1 else 's'} may be away"
    return engines + (", and one gateway and one router" if spare else "")
