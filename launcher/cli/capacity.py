"""`mmhie capacity`: how many engines, GPUs and gateways a load needs, and what that rests on."""

from __future__ import annotations

import json
import os
import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from launcher import settings
from launcher.capacity import demand as demands
from launcher.capacity import sizing
from launcher.capacity.assumptions import assumptions
from launcher.capacity.demand import Demand, Users, peak_rate
from launcher.capacity.sizing import Sizing
from launcher.cli.output import AsJson
from launcher.models import resolve
from launcher.planning.cards import CARDS, card

UserCount = Annotated[
    float | None,
    typer.Option(min=0.001, max=1e9, help="Active users; each sends `--per-hour`, times `--peak`."),
]
Rate = Annotated[
    float | None,
    typer.Option("--rps", min=0.000001, max=1e6, help="Peak requests per second."),
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
    float,
    typer.Option("--busy", min=0.05, max=0.99, help="Target utilization of an engine."),
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
    per_hour: PerHour = demands.QUESTIONS_AN_HOUR,
    peak: Peak = demands.PEAK,
    token_ms: TokenMs = 50.0,
    utilization: Utilization = 0.7,
    spare: Spare = 1,
    as_json: AsJson = False,
) -> None:
    """Estimate how many engines, GPUs and gateways a load needs, with the assumptions."""
    people = None if users is None else Users(users, per_hour, peak)
    rate = peak_rate(rps, people)
    wanted = Demand(rate, tokens_in, tokens_out, token_ms / 1000, utilization, spare)
    chosen = settings.load(os.environ)
    found = sizing.size(chosen, resolve.read_model(chosen), card(gpu), wanted)
    rests_on = [*_of_people(people, rate), *assumptions(found)]
    if as_json:
        told = {**found.as_json(), "assumptions": rests_on}
        sys.stdout.write(json.dumps(told, indent=2) + "\n")
    else:
        show(found, rests_on, Console())


def _of_people(people: Users | None, rate: float) -> list[str]:
    if people is None:
        return []
    asked = (
        f"{people.users:g} users ask {people.questions_an_hour:g} questions an hour, "
        f"{people.peak:g} times that at the peak: {people.rate:.3g} requests a second"
    )
    return [asked if rate == people.rate else f"{asked}, less than --rps, which counts"]


def show(found: Sizing, rests_on: list[str], console: Console) -> None:
    """The answer for a person."""
    console.print(counts(found))
    console.print(at_peak(found))
    console.print("Assumed:")
    for line in rests_on:
        console.print(f"- {line}", markup=False, highlight=False, soft_wrap=True)


def counts(found: Sizing) -> Table:
    """How many of what."""
    table = Table(title=f"{found.engine.plan.served_model} for {found.demand.rate:.4g} requests/s")
    for head in ("how many", "of", "set"):
        table.add_column(head, justify="right" if head == "how many" else "left")
    one = found.engine
    kind = f"engines of {one.gpus} x {found.card.name}"
    spare = f"{found.demand.spare} of them spare" if found.demand.spare else ""
    table.add_row(f"{found.engines:,}", kind, spare)
    table.add_row(f"{found.gpus:,}", "GPUs", "")
    settings_ = f"MMHIE_WORKERS={sizing.WORKERS} MMHIE_MAX_INFLIGHT={found.max_inflight}"
    table.add_row(f"{found.gateways:,}", "gateways", settings_)
    table.add_row(f"{found.routers:,}", "routers", f"{found.router_cores:.1f} cores busy in all")
    return table


def at_peak(found: Sizing) -> Table:
    """What one engine and its callers see at the peak with the spare ones away."""
    table = Table(title="At the peak, spare engines away", show_header=False)
    steady, limit = found.steady, found.engine.limit
    rows = {
        "requests of an engine": f"{steady.rate:.3g} /s of {limit:.3g} /s at most",
        "sequences in an engine": f"{steady.batch:.0f} of {found.engine.max_sequences}",
        "to the first token": f"{steady.ttft_s * 1000:.0f} ms",
        "between tokens": f"{steady.token_s * 1000:.1f} ms",
        "whole answer": f"{steady.answer_s:.1f} s",
        "answers at once": f"{found.streams:,.0f}",
        "gateway processors busy": f"{found.gateway_cores:.2f}",
    }
    for name, value in rows.items():
        table.add_row(name, value)
    return table
