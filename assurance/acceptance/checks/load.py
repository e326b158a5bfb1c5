"""Speed under load, by vLLM's own `bench serve`, past the gateway and through it."""

import json
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from assurance.acceptance.check import Check, Verdict
from assurance.acceptance.cpu_time import CpuTime
from assurance.acceptance.target import PlanFacts, Target
from assurance.acceptance.turns import LoadTurn, arguments, bench
from launcher.json_types import JsonView

LEVELS: Final = (1, 16, 64)
QUICK_LEVELS: Final = (1, 16)
# Share of the engine's own tokens a second that has to arrive through the gateway. On a CPU engine,
# gateway and load compete for the same cores, and a tiny model leaves little to compare with.
LEAST_SHARE: Final = {"cuda": 0.75, "cpu": 0.5}
WAYS: Final = ("past", "through")
# What else the machine does changes by the second: each way has its turn early and late.
TURNS: Final = ("past", "through", "through", "past")


@dataclass(frozen=True, slots=True)
class LoadRun:
    """All turns of a way: requests at once, how many failed, tokens a second, milliseconds."""

    way: str
    concurrency: int
    completed: int
    failed: int
    tokens_s: float
    ttft_p50_ms: float
    ttft_p99_ms: float
    tpot_p50_ms: float


@dataclass(frozen=True, slots=True)
class Load:
    """Every run; the limits: the longest a first token may take, which is the gateway's own, and
    the least share; of the machine's cores those that other programs kept busy meanwhile.
    """

    runs: tuple[LoadRun, ...]
    limit_ttft_ms: float
    least_share: float
    others_cpus: float
    cpus: int

    @property
    def concurrency(self) -> list[int]:
        return sorted({run.concurrency for run in self.runs})

    def run(self, way: str, concurrency: int) -> LoadRun:
        """Return the run of this way and concurrency."""
        matching = (run for run in self.runs if (run.way, run.concurrency) == (way, concurrency))
        return next(matching)

    @property
    def share(self) -> float:
        """Tokens a second through the gateway of those past it, over all levels together."""
        total = {
            way: sum(self.run(way, level).tokens_s for level in self.concurrency) for way in WAYS
        }
        return total["through"] / max(total["past"], 1e-9)


def levels(facts: PlanFacts) -> list[int]:
    """Return the requests at once to try: the fixed ones below this plan's limit, and the limit."""
    fixed = QUICK_LEVELS if facts.is_quick else LEVELS
    limit = min(facts.limit, QUICK_LEVELS[-1]) if facts.is_quick else facts.limit
    return [*(level for level in fixed if level < limit), limit]


def turns(facts: PlanFacts, folder: Path) -> list[LoadTurn]:
    """Return the turns in their order; the first one of each way is there to warm up."""
    measured = [(way, level) for level in levels(facts) for way in TURNS]
    planned = enumerate([*((way, 1) for way in WAYS), *measured])
    return [LoadTurn(way, level, number, folder) for number, (way, level) in planned]


async def measure(target: Target) -> Load:
    """Run every level past and through the gateway, in turns."""
    facts, ways = target.facts, dict(zip(WAYS, (target.engine, target.gateway), strict=True))
    with tempfile.TemporaryDirectory(prefix="mmhie-bench-") as name:
        planned = turns(facts, Path(name))
        jobs = [(ways[turn.way].key, arguments(target, ways[turn.way], turn)) for turn in planned]
        before = CpuTime.now()
        await bench(jobs, Path(name))
        others = CpuTime.now().others_since(before)
        counted = planned[len(WAYS) :]
        runs = tuple(
            run_of([turn for turn in counted if (turn.way, turn.concurrency) == (way, level)])
            for level in levels(facts)
            for way in WAYS
        )
    cpus = psutil.cpu_count() or facts.cpus
    return Load(runs, facts.timeout_s * 1000, LEAST_SHARE[facts.device], others, cpus)


def run_of(turns: Sequence[LoadTurn]) -> LoadRun:
    """Return what the turns of one way and level come to together."""
    results = [json.loads(turn.result.read_text()) for turn in turns]
    completed, tokens, seconds = (
        sum(result[name] for result in results)
        for name in ("completed", "total_output_tokens", "duration")
    )
    times = [time for result in results for time in times_of(result)]
    ttfts, tpots = [ttft for ttft, _ in times], [tpot for _, tpot in times]
    return LoadRun(
        way=turns[0].way,
        concurrency=turns[0].concurrency,
        completed=completed,
        failed=sum(turn.requests for turn in turns) - completed,
        tokens_s=round(tokens / seconds, 1),
        ttft_p50_ms=quantile(ttfts, 0.5),
        ttft_p99_ms=quantile(ttfts, 0.99),
        tpot_p50_ms=quantile(tpots, 0.5),
    )


def times_of(found: JsonView) -> Iterator[tuple[float, float]]:
    """Yield milliseconds of each answer: to its first token, and for each later one."""
    for ttft, gaps, tokens in zip(found["ttfts"], found["itls"], found["output_lens"], strict=True):
        if tokens:  # none of a request that failed
            yield 1000 * ttft, 1000 * sum(gaps) / max(1, tokens - 1)


def quantile(values: Iterable[float], share: float) -> float:
    """Return the value below which this share of them is; 0 where there is none."""
    ordered = sorted(values) or [0.0]
    return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 1)


def judge(measured: Load) -> Verdict:
    """Every request was answered, first tokens in time, the gateway costs little."""
    failed = sum(run.failed for run in measured.runs)
    late = max(run.ttft_p99_ms for run in measured.runs)
    problems = [
        words
        for is_wrong, words in (
            (failed, f"{failed} requests failed"),
            (late > measured.limit_ttft_ms, "first tokens come later than MMHIE_TIMEOUT_SECONDS"),
            (measured.share < measured.least_share, "the gateway costs too much"),
        )
        if is_wrong
    ]
    most = measured.concurrency[-1]
    best = measured.run("through", most)
    return Verdict(
        {f"Under load {'; '.join(problems)}.": problems},
        f"Up to {most} requests at once are answered, the first token in time.",
        f"{best.tokens_s:.0f} tokens/s at {most}, TTFT up to {late / 1000:.2f} s, "
        f"{measured.share:.0%} of the engine's tokens/s through the gateway, {failed} failed; "
        f"others kept {measured.others_cpus:.1f} of {measured.cpus} cores busy",
        f"TTFT {measured.limit_ttft_ms / 1000:.0f} s, {measured.least_share:.0%}, none failed",
    )


CHECK: Final = Check("load", Load, measure, judge)
