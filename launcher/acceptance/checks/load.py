"""Speed under load, by vLLM's own `bench serve`, past the gateway and through it."""

import asyncio
import json
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from launcher.acceptance.check import Check, Unmeasured, Verdict
from launcher.acceptance.target import COMPLETIONS, Endpoint, Facts, Target

LEVELS: Final = (1, 16, 64)
QUICK_LEVELS: Final = (1, 16)
# Fewer tokens out with --quick, and on a CPU, which makes some twenty a second.
TOKENS_IN, TOKENS_OUT, FEW_TOKENS_OUT = 128, 64, 24
ROUNDS: Final = 2  # requests of each stream, one after the other
# Share of the engine's own tokens a second that has to arrive through the gateway. On a CPU engine,
# gateway and load compete for the same cores, and a tiny model leaves little to compare with.
LEAST_SHARE: Final = {"cuda": 0.75, "cpu": 0.5}
WAYS: Final = ("past", "through")


@dataclass(frozen=True, slots=True)
class Run:
    """One run: requests at once, how many failed, tokens a second, milliseconds."""

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
    the least share.
    """

    runs: tuple[Run, ...]
    limit_ttft_ms: float
    least_share: float

    @property
    def concurrency(self) -> list[int]:
        return sorted({run.concurrency for run in self.runs})

    def run(self, way: str, concurrency: int) -> Run:
        """Return the run of this way and concurrency."""
        matching = (one for one in self.runs if (one.way, one.concurrency) == (way, concurrency))
        return next(matching)

    @property
    def share(self) -> float:
        """Tokens a second through the gateway of those past it, over all levels together."""
        total = {
            way: sum(self.run(way, level).tokens_s for level in self.concurrency) for way in WAYS
        }
        return total["through"] / max(total["past"], 1e-9)


def levels(facts: Facts) -> list[int]:
    """Return the requests at once to try: the fixed ones below this plan's limit, and the limit."""
    fixed = QUICK_LEVELS if facts.is_quick else LEVELS
    limit = min(facts.limit, QUICK_LEVELS[-1]) if facts.is_quick else facts.limit
    return [*(level for level in fixed if level < limit), limit]


async def measure(target: Target) -> Load:
    """Run the levels in turns past and through the gateway."""
    ways = dict(zip(WAYS, (target.engine, target.gateway), strict=True))
    with tempfile.TemporaryDirectory(prefix="mmhie-bench-") as name:
        folder = Path(name)
        warm = [(way, 1, arguments(target, ways[way], 1, folder / f"warm-{way}")) for way in WAYS]
        runs = [
            (way, level, arguments(target, ways[way], level, folder / f"{level}-{way}"))
            for level in levels(target.facts)
            for way in WAYS
        ]
        jobs = [{"key": ways[way].key, "argv": argv} for way, _, argv in (*warm, *runs)]
        await bench(jobs, folder)
        found = tuple(read(way, level, folder / f"{level}-{way}") for way, level, _ in runs)
    return Load(found, target.facts.timeout_s * 1000, LEAST_SHARE[target.facts.device])


def arguments(target: Target, way: Endpoint, level: int, result: Path) -> list[str]:
    """Return the arguments of one run; completions know neither templates nor Harmony."""
    facts = target.facts
    room = facts.max_model_len // 3
    is_short = facts.is_quick or facts.device == "cpu"
    tokens_out = FEW_TOKENS_OUT if is_short else TOKENS_OUT
    seed = sum(map(ord, result.name))  # another for each run, or it would find its prompts cached
    return [
        *("--backend", "openai", "--base-url", way.url, "--endpoint", COMPLETIONS),
        *("--model", facts.model, "--tokenizer", target.engine.tokenizer),
        *("--dataset-name", "random", "--seed", str(seed), "--ignore-eos"),
        *("--random-input-len", str(min(TOKENS_IN, room))),
        *("--random-output-len", str(min(tokens_out, room))),
        *("--num-prompts", str(level * ROUNDS), "--max-concurrency", str(level)),
        *("--temperature", "0", "--disable-tqdm", "--save-result"),
        *("--result-dir", str(result.parent), "--result-filename", f"{result.name}.json"),
    ]


async def bench(jobs: list[dict[str, Any]], folder: Path) -> None:
    """Run the jobs in a child. Raises Unmeasured."""
    listed = folder / "runs.json"
    listed.write_text(json.dumps(jobs))
    listed.chmod(0o600)  # the keys are in it
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "launcher.acceptance.bench", str(listed)),
        env={**os.environ, "HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1"},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        _, said = await child.communicate()
    finally:
        if child.returncode is None:
            child.kill()
    if child.returncode:
        last = (said.decode(errors="replace").strip().splitlines() or ["without a word"])[-1]
        raise Unmeasured(f"`vllm bench serve` ended with an error: {last}")


def read(way: str, level: int, result: Path) -> Run:
    """Return a run from its result file."""
    found = json.loads(result.with_suffix(".json").read_text())
    return Run(
        way=way,
        concurrency=level,
        completed=int(found["completed"]),
        failed=level * ROUNDS - int(found["completed"]),
        tokens_s=round(float(found["output_throughput"]), 1),
        ttft_p50_ms=round(float(found["median_ttft_ms"]), 1),
        ttft_p99_ms=round(float(found["p99_ttft_ms"]), 1),
        tpot_p50_ms=round(float(found["median_tpot_ms"]), 1),
    )


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
        not problems,
        f"Under load {'; '.join(problems)}."
        if problems
        else f"Up to {most} requests at once are answered, the first token in time.",
        f"{best.tokens_s:.0f} tokens/s at {most}, TTFT up to {late / 1000:.2f} s, "
        f"{measured.share:.0%} of the engine's tokens/s through the gateway, {failed} failed",
        f"TTFT {measured.limit_ttft_ms / 1000:.0f} s, {measured.least_share:.0%}, none failed",
    )


CHECK: Final = Check("load", Load, measure, judge)
