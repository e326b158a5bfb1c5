"""Results of a run: medians, ratios within rounds, goals."""

import statistics
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scripts.render import page
from tests.bench.targets import SOCKET

Rounds = Sequence[Mapping[str, Mapping[str, float]]]
H100_ANSWERS_S = 14.7  # of 600 tokens to prompts of 800, docs/scale.md
VCPUS_PER_H100 = 24  # of the common cloud host: 192 for 8 (AWS p5.48xlarge)
# Scaleway's POP2-64C-256G at EUR 2.35 an hour; an AWS capacity block at USD 4.916 for an H100.
EUR_PER_VCPU_H, USD_PER_H100_H = 2.35 / 64, 4.916
# An EPYC 9654 has 360 W for 192 threads; an H100 SXM 700 W.
W_PER_VCPU, W_PER_H100 = 360 / 192, 700
POP2 = "https://www.scaleway.com/en/docs/billing/additional-content/understanding-savings-plans/"
CAPACITY_BLOCKS = "https://aws.amazon.com/ec2/capacityblocks/pricing/"
ANSWER_HEADS = ("", "CPU of an answer", "relative to nginx", "H100s per core", "of its 24 vCPUs")


def having(rounds: Rounds, *names: str) -> Rounds:
    """The rounds in which these targets were measured: slow ones are in the third and the fifth."""
    return [round_ for round_ in rounds if all(name in round_ for name in names)]


def medians(rounds: Rounds) -> dict[str, dict[str, float]]:
    """Of each figure of each target."""
    return {
        name: {
            figure: statistics.median(round_[name][figure] for round_ in having(rounds, name))
            for figure in figures
        }
        for name, figures in max(rounds, key=len).items()
    }


def ratio(rounds: Rounds, figure: str, of: str, to: str) -> float:
    """The median over rounds of a ratio within each."""
    return statistics.median(
        round_[of][figure] / round_[to][figure] for round_ in having(rounds, of, to)
    )


def answers(rounds: Rounds) -> str:
    """CPU of a streamed answer by target, and how much of it an H100 asks for, as Markdown."""
    rows, middles = [], medians(rounds)
    for name in (other for other in middles if other != "direct"):
        us_answer = middles[name]["us_answer"]
        cores = H100_ANSWERS_S * us_answer / 1e6
        times = f"{ratio(rounds, 'us_answer', name, 'nginx'):.2f}x"
        share = (f"{1 / cores:.2g}", f"{cores / VCPUS_PER_H100:.1%}")
        rows.append((name, f"{us_answer / 1000:.1f} ms", times, *share))
    return page.table(ANSWER_HEADS, rows)


def cost(rounds: Rounds) -> str:
    """Say what a million tokens of answers cost: the gateway, and of an H100 that is used up."""
    us_answer = medians(rounds)["gateway"]["us_answer"]
    core_s, gpu_s = us_answer / 600, 1e6 / 600 / H100_ANSWERS_S
    cents, gpu_cents = core_s / 36 * EUR_PER_VCPU_H, gpu_s / 36 * USD_PER_H100_H
    wh, gpu_wh = core_s / 3600 * W_PER_VCPU, gpu_s / 3600 * W_PER_H100
    return wrapped(
        f"A million tokens take the gateway {core_s:.0f} s of a core (EUR 0.037 an hour: "
        f"[Scaleway POP2]({POP2}); 1.9 W: EPYC 9654), and {gpu_s:.0f} s of the H100 ([USD 4.92 an "
        f"hour]({CAPACITY_BLOCKS}); 700 W). The gateway is {cents / gpu_cents:.1%} of its price "
        f"and {wh / gpu_wh:.2%} of its energy."
    )


def wrapped(sentence: str) -> str:
    """Break lines where the pages do."""
    return textwrap.fill(sentence, 150, break_long_words=False, break_on_hyphens=False) + "\n"


def added(rounds: Rounds, figure: str, of: str, to: str = "direct") -> float:
    """The median over rounds of a difference within each."""
    return statistics.median(
        round_[of][figure] - round_[to][figure] for round_ in having(rounds, of, to)
    )


def table(found: Mapping[str, Mapping[str, float]]) -> str:
    """Targets by figures, as Markdown."""
    figures = dict.fromkeys(figure for row in found.values() for figure in row)
    cells = [
        [figure, *(f"{row[figure]:.4g}" if figure in row else "" for row in found.values())]
        for figure in figures
    ]
    return page.table(("figure", *found), cells)


@dataclass(frozen=True)
class Goal:
    """One line of the table: a figure, and what it should be."""

    what: str
    measured: Callable[[Mapping[str, Any]], float]
    goal: float
    unit: str = ""
    is_least: bool = False  # more is better

    def row(self, report: Mapping[str, Any]) -> tuple[str, ...]:
        goal = (self.what, f"{'>=' if self.is_least else '<='} {self.goal:g}{self.unit}")
        try:
            value = self.measured(report)
        except (KeyError, statistics.StatisticsError):  # a peer or a trial that was left out
            return (*goal, "", "")
        is_met = value >= self.goal if self.is_least else value <= self.goal
        return (*goal, f"{value:.3g}{self.unit}", "met" if is_met else "missed")


def against(figure: str, peer: str) -> Callable[[Mapping[str, Any]], float]:
    return lambda report: ratio(report["rounds"], figure, "gateway", peer)


def over(figure: str, base: str = "direct") -> Callable[[Mapping[str, Any]], float]:
    return lambda report: added(report["rounds"], figure, "gateway", base)


def most(figure: str) -> Callable[[Mapping[str, Any]], float]:
    return lambda report: max(round_["gateway"][figure] for round_ in report["rounds"])


def tried(figure: str) -> Callable[[Mapping[str, Any]], float]:
    return lambda report: report["trials"]["gateway"][figure]


def freed(report: Mapping[str, Any]) -> float:
    """Worst of all the ways to leave; infinite when one was not noticed."""
    waits = [v for k, v in report["trials"]["gateway"].items() if k.startswith("freed_")]
    return float("inf") if -1 in waits else max(waits)


def longest_hold(report: Mapping[str, Any]) -> float:
    return max(float(hold["longest_ms"]) for hold in report["holds"].values())


def amiss(report: Mapping[str, Any]) -> float:
    kinds = ("misplaced", "stream_errors", "errors")
    of_gateway = (round_["gateway"].items() for round_ in report["rounds"])
    return sum(float(value) for row in of_gateway for name, value in row if name.startswith(kinds))


GOALS = (
    Goal("CPU of a 600-token answer over SMG's", against("us_answer", "smg"), 1, "x"),
    Goal("the same, vllm-router", against("us_answer", "vllm-router"), 1, "x"),
    Goal("the same, nginx", against("us_answer", "nginx"), 1.25, "x"),
    Goal("of it a chunk, over SMG's", against("us_chunk", "smg"), 1, "x"),
    Goal("the same, nginx", against("us_chunk", "nginx"), 1.25, "x"),
    Goal("CPU of a request over SMG's", against("us_request", "smg"), 1.2, "x"),
    Goal("the same, vllm-router", against("us_request", "vllm-router"), 2.7, "x"),
    Goal("the same, nginx", against("us_request", "nginx"), 10, "x"),
    Goal("the same, LiteLLM, router in Rust", against("us_request", "litellm"), 1.5, "x"),
    Goal("req/s relative to SMG", against("req_s", "smg"), 0.85, "x", is_least=True),
    Goal(
        "req/s relative to LiteLLM, router in Python",
        against("req_s", "litellm-python"), 20, "x", is_least=True,
    ),
    Goal(
        "TTFT over SMG's, 64 streams, p50",
        over("ttft_p50_ms_64", "smg"), 0.1, " ms",
    ),
    Goal("added latency, one client, p50", over("c1_p50_ms"), 0.3, " ms"),
    Goal("added latency, one client, p99", over("c1_p99_ms"), 0.5, " ms"),
    Goal(
        "longest hold of the loop by any one input",
        longest_hold, 10, " ms",
    ),
    Goal(
        "memory after the run",
        most("rss_mb"), 80, " MB",
    ),
    Goal("memory per open stream", tried("kb_per_stream"), 60, " KB"),
    Goal(
        "memory after a million chunks and 100,000 requests relative to a hundredth",
        tried("lasting"), 1.05, "x",
    ),
    Goal("10 clients that never read 10 MB: memory", tried("unread_mb"), 20, " MB"),
    Goal("the same, after they disconnect", tried("unread_after_mb"), 5, " MB"),
    Goal("client disconnect: engine freed, worst of 9", freed, 100, " ms"),
    Goal("672 requests as the engine closes idle sockets: errors", tried("stale_errors"), 0),
    Goal("chunks lost, reordered; failed requests", amiss, 0),
    Goal("chunks coalesced, beyond direct", over("joined_64"), 0),
    Goal("start to /healthz", tried("healthz_s"), 1, " s"),
    Goal("`import mmhie`", tried("import_mmhie_s"), 0.15, " s"),
    Goal(
        "CPU per request after 10,000 relative to the first 1,000",
        tried("growth"), 1.05, "x",
    ),
    Goal(
        "2 workers on 2 processors relative to one, by CPU per request",
        tried("workers_2_by_cpu"), 1.85, "x",
        is_least=True,
    ),
)  # fmt: skip


def by_feature(rounds: Rounds) -> str:
    """Say what each feature adds to a request and to a chunk, from the run with it alone."""
    off = "gateway, features off"
    none = medians(rounds)[off]
    parts = [
        f"{name.removeprefix('gateway, ')} {added(rounds, 'us_request', name, off):+.0f} µs and "
        f"{added(rounds, 'us_chunk_256', name, off):+.1f}"
        for name in rounds[0]
        if name.startswith("gateway, ") and name not in (off, SOCKET)
    ]
    return wrapped(
        f"With all features off a request takes {none['us_request']:.0f} µs and a chunk of 256 "
        f"streams {none['us_chunk_256']:.1f}. Alone, each adds: {'; '.join(parts)}."
    )


def goals(report: Mapping[str, Any]) -> str:
    """Every goal with what was measured, as Markdown."""
    heads = ("figure", "goal", "measured", "")
    return page.table(heads, [goal.row(report) for goal in GOALS])
