"""Results of a run: medians, ratios within rounds, goals."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scripts.render import page

Rounds = Sequence[Mapping[str, Mapping[str, float]]]
H100_ANSWERS_S = 14.7  # of 600 tokens to prompts of 800, docs/capacity.md
VCPUS_PER_H100 = 24  # of the common cloud host: 192 for 8 (AWS p5.48xlarge)
ANSWER_HEADS = (
    "", "CPU of a 600-token answer", "relative to nginx", "of it a chunk", "relative to nginx",
    "H100s per core", "of its 24 vCPUs",
)  # fmt: skip


def medians(rounds: Rounds) -> dict[str, dict[str, float]]:
    """Of each figure of each target."""
    return {
        name: {
            figure: statistics.median(round_[name][figure] for round_ in rounds)
            for figure in rounds[0][name]
        }
        for name in rounds[0]
    }


def ratio(rounds: Rounds, figure: str, of: str, to: str) -> float:
    """The median over rounds of a ratio within each."""
    return statistics.median(round_[of][figure] / round_[to][figure] for round_ in rounds)


def answers(rounds: Rounds) -> str:
    """CPU of a streamed answer by target, and how much of it an H100 asks for, as Markdown."""
    rows = []
    for name in (other for other in rounds[0] if other != "direct"):
        us_answer, us_chunk = (
            statistics.median(round_[name][figure] for round_ in rounds)
            for figure in ("us_answer", "us_chunk")
        )
        cores = H100_ANSWERS_S * us_answer / 1e6
        times_answer, times_chunk = (
            f"{ratio(rounds, figure, name, 'nginx'):.2f}x" for figure in ("us_answer", "us_chunk")
        )
        costs = (f"{us_answer / 1000:.1f} ms", times_answer, f"{us_chunk:.1f} µs", times_chunk)
        rows.append((name, *costs, f"{1 / cores:.2g}", f"{cores / VCPUS_PER_H100:.1%}"))
    return page.table(ANSWER_HEADS, rows)


def added(rounds: Rounds, figure: str, of: str, to: str = "direct") -> float:
    """The median over rounds of a difference within each."""
    return statistics.median(round_[of][figure] - round_[to][figure] for round_ in rounds)


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
    """One line of the table: a figure, what it should be, what is not passed over in CI."""

    what: str
    measured: Callable[[Mapping[str, Any]], float]
    goal: float
    floor: float
    unit: str = ""
    is_least: bool = False  # more is better

    def row(self, report: Mapping[str, Any]) -> tuple[str, ...]:
        goal = (self.what, self._wanted(self.goal), self._wanted(self.floor))
        try:
            value = self.measured(report)
        except KeyError:  # a peer, or a trial, that this run left out
            return (*goal, "", "")
        is_met = value >= self.goal if self.is_least else value <= self.goal
        return (*goal, f"{value:.3g}{self.unit}", "met" if is_met else "missed")

    def _wanted(self, value: float) -> str:
        return f"{'>=' if self.is_least else '<='} {value:g}{self.unit}"


def against(figure: str, peer: str) -> Callable[[Mapping[str, Any]], float]:
    return lambda report: ratio(report["rounds"], figure, "gateway", peer)


def answer_against(peer: str, figure: str = "us_answer") -> Callable[[Mapping[str, Any]], float]:
    return lambda report: ratio(report["answers"], figure, "gateway", peer)


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


def amiss(report: Mapping[str, Any]) -> float:
    figures = ("misplaced_64", "misplaced_256", "stream_errors_64", "stream_errors_256", "errors")
    return sum(
        float(round_["gateway"][figure]) for round_ in report["rounds"] for figure in figures
    )


GOALS = (
    Goal("CPU of a 600-token answer relative to SMG", answer_against("smg"), 0.8, 2.5, "x"),
    Goal(
        "CPU of a 600-token answer relative to vllm-router",
        answer_against("vllm-router"),
        1.25,
        3.5,
        "x",
    ),
    Goal("CPU of a 600-token answer relative to nginx", answer_against("nginx"), 1.5, 4, "x"),
    Goal(
        "CPU per chunk relative to nginx, 256 streams",
        answer_against("nginx", "us_chunk"),
        1.4,
        4,
        "x",
    ),
    Goal(
        "CPU per chunk relative to SMG, 256 streams", answer_against("smg", "us_chunk"), 0.8, 2, "x"
    ),
    Goal("CPU per request relative to SMG", against("us_request", "smg"), 0.8, 4, "x"),
    Goal("CPU per request relative to nginx", against("us_request", "nginx"), 7, 25, "x"),
    Goal("req/s relative to SMG", against("req_s", "smg"), 1, 0.3, "x", is_least=True),
    Goal("req/s relative to LiteLLM", against("req_s", "litellm"), 60, 15, "x", is_least=True),
    Goal(
        "req/s relative to production-stack",
        answer_against("production-stack", "req_s"),
        8,
        2,
        "x",
        is_least=True,
    ),
    Goal("added TTFT over SMG's, 64 streams, p50", over("ttft_p50_ms_64", "smg"), 0, 2, " ms"),
    Goal(
        "chunk delay of 64 streams among hostile requests: growth of p99",
        tried("hostile_p99_ms"),
        5,
        100,
        " ms",
    ),
    Goal("the same: longest delay", tried("hostile_longest_ms"), 10, 500, " ms"),
    Goal(
        "the same beside prompts of 1 MB: growth of p99",
        tried("long_prompts_p99_ms"),
        5,
        100,
        " ms",
    ),
    Goal("added latency, one client, p50", over("c1_p50_ms"), 0.3, 0.5, " ms"),
    Goal("added latency, one client, p99", over("c1_p99_ms"), 0.5, 1, " ms"),
    Goal("added latency, 64 held by the engine, p50", over("held_p50_ms"), 0.4, 0.8, " ms"),
    Goal("added latency, 64 held by the engine, p99", over("held_p99_ms"), 2, 4, " ms"),
    Goal("added TTFT, 64 streams, p50", over("ttft_p50_ms_64"), 0.35, 0.8, " ms"),
    Goal("TTFT over nginx's, 64 streams, p99", over("ttft_p99_ms_64", "nginx"), 1, 6, " ms"),
    Goal("delay of a chunk over nginx's, p99", over("gap_p99_ms_64", "nginx"), 0.5, 3, " ms"),
    Goal("memory after the run", most("rss_mb"), 70, 120, " MB"),
    Goal("memory per open stream", tried("kb_per_stream"), 60, 60, " KB"),
    Goal("client disconnect: engine freed, worst of 9", freed, 100, 500, " ms"),
    Goal("672 requests as the engine closes idle sockets: errors", tried("stale_errors"), 0, 0),
    Goal("10 clients that never read 10 MB: memory", tried("unread_mb"), 20, 40, " MB"),
    Goal("the same, after they disconnect", tried("unread_after_mb"), 5, 20, " MB"),
    Goal("chunks lost, reordered; failed requests", amiss, 0, 0),
    Goal("chunks coalesced, beyond direct", over("joined_64"), 0, 0),
    Goal("start to /healthz", tried("healthz_s"), 1, 2, " s"),
    Goal("`import mmhie`", tried("import_mmhie_s"), 0.15, 0.3, " s"),
    Goal(
        "CPU per request after 10,000 relative to the first 1,000", tried("growth"), 1.05, 1.2, "x"
    ),
    Goal(
        "memory after 100,000 requests and a million chunks relative to a hundredth of them",
        tried("lasting"),
        1.05,
        1.3,
        "x",
    ),
    Goal(
        "2 workers on 2 processors relative to one, by CPU per request",
        tried("workers_2_by_cpu"),
        1.8,
        0,
        "x",
        is_least=True,
    ),
)


def goals(report: Mapping[str, Any]) -> str:
    """Every goal with what was measured, as Markdown."""
    heads = ("figure", "goal", "CI floor", "measured", "")
    return page.table(heads, [goal.row(report) for goal in GOALS])
