"""Tables of docs/capacity.md and docs/scale.md.

Sizes are computed by the code of `mmhie capacity`; the other tables are read from docs/records,
which `python -m scripts.simulation` (`make capacity`) writes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from launcher import settings
from launcher.capacity import sizing
from launcher.capacity.demand import Demand
from launcher.capacity.measured import has_run
from launcher.errors import LauncherError
from launcher.models import resolve
from launcher.planning.cards import CARDS, card
from scripts.published_runs import RUNS
from scripts.render.page import DOCS, NO_HUB, pairs, prose, table
from scripts.simulation import calibration

RECORDS: Final = DOCS / "records"


def record(name: str) -> Any:
    """Load a record of the simulation."""
    return json.loads((RECORDS / f"capacity-{name}.json").read_text())


def sizes(options: Mapping[str, str]) -> str:
    """Render the result of `mmhie capacity`, one row for each rate."""
    chosen = settings.load({}, None)
    model = resolve.read_model(chosen, hub=NO_HUB)
    rows = []
    for rate in map(float, options["rps"].split(",")):
        demand = Demand(rate, int(options["in"]), int(options["out"]), 0.05, 0.7, 1)
        rows.append(_size(sizing.size(chosen, model, card(options["gpu"]), demand)))
    sizes = ("engines", "gateways", "routers", "concurrent answers", "inter-token latency")
    return table(("requests/s", *sizes), rows)


def _size(found: sizing.Sizing) -> tuple[str, ...]:
    return (
        f"{found.demand.rate:,g}",
        f"{found.engines:,}",
        f"{found.gateways:,}",
        f"{found.routers:,}",
        f"{found.streams:,.0f}",
        f"{found.steady_state.token_s * 1000:.0f} ms",
    )


def gpus(options: Mapping[str, str]) -> str:
    """Render one engine at its limit, one row for each GPU."""
    chosen = settings.load({}, None)
    model = resolve.read_model(chosen, hub=NO_HUB)
    demand = Demand(1.0, int(options["in"]), int(options["out"]), 0.05, 0.7, 0)
    rows = [_gpu(name, chosen, model, demand) for name in CARDS]
    head = ("`--gpu`", "max. sequences", "requests/s", "tokens/s", "published run")
    return table(head, rows)


def _gpu(name: str, chosen: Any, model: Any, demand: Demand) -> tuple[str, ...]:
    try:
        engine = sizing.one_engine(chosen, model, card(name), demand)
    except LauncherError as refusal:
        return (f"`{name}`", str(refusal), "", "", "")
    tokens = engine.limit * demand.tokens_out
    known = "yes" if has_run(card(name)) and name in ("h100", "a100") else "no"
    return (f"`{name}`", f"{engine.max_sequences}", f"{engine.limit:.2f}", f"{tokens:,.0f}", known)


def published(options: Mapping[str, str]) -> str:
    """Render published runs, and the simulated engine in them."""
    rows = []
    for run in RUNS:
        rate = calibration.published(run)
        of = (run.gpu.upper(), f"{run.tokens_in:,} / {run.tokens_out}")
        rows.append((*of, f"{run.rate:g}", f"{rate:.3g}", f"{rate / run.rate - 1:+.0%}"))
    return table(("GPU", "tokens in / out", "published requests/s", "simulated", "error"), rows)


def policies(options: Mapping[str, str]) -> str:
    """Render one experiment with policies, by load."""
    rows = [
        (
            f"{row['load']:.0%}",
            f"`{row['policy']}`",
            f"{row['first_p50_s'] * 1000:.0f}",
            f"{row['first_p99_s'] * 1000:,.0f}",
            f"{row['token_p99_s'] * 1000:.0f}",
            f"{row['read_share']:.0%}",
        )
        for row in record("simulation")[options["of"]]
        if row["load"] in map(float, options["loads"].split(","))
    ]
    ttft = ("TTFT median, ms", "TTFT p99, ms")
    more = ("inter-token latency p99, ms", "prompt tokens prefilled")
    return table(("load", "policy", *ttft, *more), rows)


def rack(options: Mapping[str, str]) -> str:
    """Render a failing rack in sentences."""
    failure = record("simulation")[options["of"]]
    phases = [failure[phase] for phase in ("before", "unnoticed", "away", "after")]
    before, unnoticed, away, after = (f"{phase['first_p99_s'] * 1000:,.0f}" for phase in phases)
    median = max(phase["first_p50_s"] for phase in phases)
    return prose(
        f"{phases[0]['cut']:,} answers are cut off. The 99th percentile of the TTFT is {before} ms "
        f"before, {unnoticed} ms until the failure is detected, {away} ms then and {after} ms "
        f"after the recovery; the median is at most {median * 1000:.0f} ms throughout.\n"
    )


TABLES: Final[dict[str, Callable[[Mapping[str, str]], str]]] = {
    table.__name__: table for table in (sizes, gpus, published, policies, rack)
}


def block(argument: str) -> str:
    """Render one table by its name and options."""
    name, _, options = argument.partition(" ")
    return TABLES[name](pairs(options))


BLOCKS: Final = {"capacity": block}
