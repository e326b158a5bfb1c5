"""The parts of docs/performance.md that are figures, from the files in docs/performance/."""

import json
import statistics
from collections.abc import Callable, Mapping
from typing import Any, Final

from scripts.render.page import table
from tests.bench import holds
from tests.bench.machine import busy
from tests.bench.real import STREAMS, ratios
from tests.bench.report import Rounds, added, answers, by_feature, cost, medians
from tests.compatibility.ledger import ROOT

PAGE: Final = ROOT / "docs" / "performance.md"
RESULTS: Final = ROOT / "docs" / "performance"
IMAGES: Final = ROOT / "docs" / "images"

HOLDS: Final = 3  # on the page
Report = Mapping[str, Any]
ADDED: Final = {
    "c1_p50_ms": "one client p50",
    "c1_p99_ms": "p99",
    "held_p50_ms": "64 held p50",
    "held_p99_ms": "p99",
    "ttft_p50_ms_64": "TTFT p50",
    "ttft_p99_ms_64": "p99",
    "gap_p99_ms_64": "chunk p99",
}


def result(name: str) -> Report:
    """A file of results, by its name without `.json`; ends with a sentence when the machine was
    busy."""
    report: Report = json.loads((RESULTS / f"{name}.json").read_text())
    if reason := busy(report["machine"]):
        raise SystemExit(f"docs/performance/{name}.json: {reason}")
    return report


def machine() -> str:
    """Name the machine, the time and the peers."""
    report = result("relay")
    where = report["machine"]
    peers = ", ".join(f"{name} {version}" for name, version in report["peers"].items())
    return (
        f"Measured on {where['date']}: {where['processor']}, {where['processors']} CPUs, "
        f"Linux {where['kernel']}, Python {where['python']}; {len(report['rounds'])} rounds of "
        f"{report['seconds']:g} s per figure. Compared with nginx (Debian's), {peers}.\n"
    )


def answer_table() -> str:
    """CPU of a streamed answer, and what it is of a host with GPUs."""
    report = result("relay")
    where = report["machine"]
    note = f"Measured on {where['date']}, {len(report['rounds'])} rounds in turns, medians.\n"
    return f"{answers(report['rounds'])}\n{cost(report['rounds'])}{note}"


def side_by_side() -> str:
    """Medians by target; latencies as what is added to the engine's own."""
    rounds: Rounds = result("relay")["rounds"]
    middles = medians(rounds)
    costs_of = ("req/s", "µs per request", "µs per chunk, 64 streams", "256 streams", "MB")
    rows = []
    for name, row in middles.items():
        figures = ("us_request", "us_chunk_64", "us_chunk")
        costs = [number(row[figure]) if name != "direct" else "" for figure in figures]
        memory = f"{row['rss_mb']:.0f}" if "rss_mb" in row else ""
        more = [f"{added(rounds, figure, name):+.2f}" for figure in ADDED]
        cells = [f"{row['req_s']:,.0f}", *costs, memory, *more]
        rows.append([name, *cells])
    beside = table(["", *costs_of, *ADDED.values()], rows)
    return f"{beside}\n{by_feature(result('relay')['features'])}"


def number(value: float) -> str:
    """Three digits, or whole with commas."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def real() -> str:
    """A real engine, by number of streams."""
    rounds = result("real")["rounds"]
    compared = ratios(rounds)
    rows = []
    for streams in map(str, STREAMS):
        direct, through = (
            {
                figure: statistics.median(round_[streams][way][figure] for round_ in rounds)
                for figure in ("tokens_s", "ttft_p50_ms")
            }
            for way in ("direct", "gateway")
        )
        rows.append([
            streams, f"{direct['tokens_s']:.1f}", f"{through['tokens_s']:.1f}",
            f"{compared[streams]['throughput']:.3f}", f"{direct['ttft_p50_ms']:.0f}",
            f"{through['ttft_p50_ms']:.0f}", f"{compared[streams]['added_ttft_p50_ms']:+.1f}",
        ])  # fmt: skip
    heads = ["streams", "tokens/s direct", "through", "ratio", "TTFT p50 direct, ms", "through"]
    return table([*heads, "added"], rows)


def longest_holds() -> str:
    """The inputs that keep others waiting longest; nothing of a run that left them out."""
    report = result("relay")
    if "holds" not in report:
        return ""
    count, date = len(report["holds"]), report["machine"]["date"]
    note = f"The longest of {count} inputs; medians of {holds.ROUNDS}, measured on {date}.\n"
    return f"{holds.table(report['holds'], HOLDS)}\n{note}"


PARTS: Final[Mapping[str, Callable[[], str]]] = {
    "machine": machine,
    "answer": answer_table,
    "side by side": side_by_side,
    "real engine": real,
    "holds": longest_holds,
}
