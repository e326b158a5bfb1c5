"""`mmhie capacity`: engines, GPUs and gateways that a load needs, with the assumptions."""

import json
import os
import sys
from collections.abc import Iterator
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from gateway.cli.command import AsJson
from launcher.capacity import measured
from launcher.capacity.demand import PEAK, QUESTIONS_AN_HOUR, Demand, Users, peak_rate
from launcher.capacity.sizing import GATEWAY_BUSY, ROUTER_CORES, WORKERS, Sizing, size
from launcher.models.resolve import read_model
from launcher.planning.cards import CARDS, card
from launcher.settings import load

UserCount = Annotated[
    float | None,
    typer.Option(min=0.001, max=1e9, help="Active users; each sends `--per-hour`, times `--peak`."),
]
Rate = Annotated[
    float | None, typer.Option("--rps", min=0.000001, max=1e6, help="Peak requests per second.")
]
TokensIn = Annotated[int, typer.Option(min=1, max=10**7, help="Mean tokens of a prompt.")]
TokensOut = Annotated[
    int, typer.Option(min=1, max=10**7, help="Mean tokens of an answer, reasoning included.")
]
GpuName = Annotated[str, typer.Option("--gpu", help=f"One of {', '.join(CARDS)}.")]
PerHour = Annotated[float, typer.Option(min=0.001, max=1e5, help="Requests per user per hour.")]
Peak = Annotated[
    float, typer.Option(min=1, max=1000, help="Peak rate relative to the hourly mean.")
]
TokenMs = Annotated[
    float, typer.Option(min=0.1, max=1e6, help="Maximum mean inter-token latency, in ms.")
]
Utilization = Annotated[
    float, typer.Option("--busy", min=0.05, max=0.99, help="Target utilization of an engine.")
]
Spare = Annotated[
    int, typer.Option(min=0, max=10_000, help="Engines that may be down at the peak.")
]


def capacity(  # noqa: PLR0913, PLR0917  # one option each
    users: UserCount = None,
    rps: Rate = None,
    tokens_in: TokensIn = 800,
    tokens_out: TokensOut = 600,
    gpu: GpuName = "h100",
    per_hour: PerHour = QUESTIONS_AN_HOUR,
    peak: Peak = PEAK,
    token_ms: TokenMs = 50.0,
    utilization: Utilization = 0.7,
    spare: Spare = 1,
    as_json: AsJson = False,
) -> None:
    """Estimate how many engines, GPUs and gateways a load needs, with the assumptions."""
    users_at_work = None if users is None else Users(users, per_hour, peak)
    rate = peak_rate(rps, users_at_work)
    demand = Demand(rate, tokens_in, tokens_out, token_ms / 1000, utilization, spare)
    settings = load(os.environ)
    sizing = size(settings, read_model(settings), card(gpu), demand)
    assumed = [*_of_users(users_at_work, rate), *assumptions(sizing)]
    if as_json:
        document = {**sizing.as_json(), "assumptions": assumed}
        sys.stdout.write(json.dumps(document, indent=2) + "\n")
    else:
        show(sizing, assumed, Console())


def _of_users(users: Users | None, rate: float) -> list[str]:
    if users is None:
        return []
    sentence = (
        f"{users.users:g} users ask {users.questions_an_hour:g} questions an hour, "
        f"{users.peak:g} times that at the peak: {users.rate:.3g} requests a second"
    )
    return [sentence if rate == users.rate else f"{sentence}, less than --rps, which counts"]


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


def show(sizing: Sizing, assumed: list[str], console: Console) -> None:
    """Print the sizing for a person."""
    console.print(counts(sizing))
    console.print(at_peak(sizing))
    console.print("Assumed:")
    for line in assumed:
        console.print(f"- {line}", markup=False, highlight=False, soft_wrap=True)


def counts(sizing: Sizing) -> Table:
    """The number of each, and the settings that go with it."""
    table = Table(
        title=f"{sizing.engine.plan.served_model} for {sizing.demand.rate:.4g} requests/s"
    )
    for head in ("how many", "of", "set"):
        table.add_column(head, justify="right" if head == "how many" else "left")
    engine = sizing.engine
    kind = f"engines of {engine.gpus} x {sizing.card.name}"
    spare = f"{sizing.demand.spare} of them spare" if sizing.demand.spare else ""
    table.add_row(f"{sizing.engines:,}", kind, spare)
    table.add_row(f"{sizing.gpus:,}", "GPUs", "")
    settings_ = f"MMHIE_WORKERS={WORKERS} MMHIE_MAX_INFLIGHT={sizing.max_inflight}"
    table.add_row(f"{sizing.gateways:,}", "gateways", settings_)
    table.add_row(f"{sizing.routers:,}", "routers", f"{sizing.router_cores:.1f} cores busy in all")
    return table


def at_peak(sizing: Sizing) -> Table:
    """One engine's load and its callers' latency at the peak with the spare ones away."""
    table = Table(title="At the peak, spare engines away", show_header=False)
    steady, limit = sizing.steady_state, sizing.engine.limit
    rows = {
        "requests of an engine": f"{steady.rate:.3g} /s of {limit:.3g} /s at most",
        "sequences in an engine": f"{steady.batch:.0f} of {sizing.engine.max_sequences}",
        "to the first token": f"{steady.ttft_s * 1000:.0f} ms",
        "between tokens": f"{steady.token_s * 1000:.1f} ms",
        "whole answer": f"{steady.answer_s:.1f} s",
        "answers at once": f"{sizing.streams:,.0f}",
        "gateway processors busy": f"{sizing.gateway_cores:.2f}",
    }
    for name, value in rows.items():
        table.add_row(name, value)
    return table
