"""The report as one HTML page that loads nothing; the signed JSON is inside it."""

from collections.abc import Iterable, Mapping
from html import escape
from typing import Final

from assurance.acceptance.report import SIGNATURE
from assurance.reports.charts import bar_chart, line_chart
from assurance.reports.page import facts, figures, framed, signature, table
from assurance.reports.report import ReportKind
from launcher.json_types import JsonView

MARKS: Final = {"passed": "✓", "failed": "✗", "not applicable": "·"}
NAMES: Final = {
    "model": "Model",
    "base": "Base",
    "revision": "Revision",
    "cards": "GPUs",
    "cpus": "CPU cores",
    "engine_version": "vLLM",
    "quantization": "Quantization",
    "dtype": "Data type",
    "max_model_len": "Context, tokens",
    "tensor_parallel": "Tensor parallel",
    "limit": "Requests at once",
    "user": "User",
    "ports": "Ports that are meant to be open",
}
SCOPE: Final = {
    False: "Not a clinical validation: the service was checked, with fixed synthetic prompts; the "
    "medical quality of the model was not.",
    True: "Of this host or container alone, and of TCP: the gateway's and the engine's have a "
    "report each.",
}


def html(text: str) -> str:
    """Render a signed report."""
    report = SIGNATURE.read(text)
    outcome = "passed" if report["has_passed"] else "failed"
    about, is_host = report["facts"], "host" in report["facts"]
    title = f"Isolation of {about['host']}" if is_host else f"Acceptance of {about['model']}"
    body = (
        f"<h1>{escape(title)}</h1>\n"
        f'<p class="verdict {outcome}">{escape(report["verdict"])}</p>\n'
        f"{seen_in(report) if is_host else seen_on(report)}\n{facts(NAMES, about)}\n"
        f"{findings(report['findings'])}\n{charts(report['measurements'])}\n"
        f"<footer>{SCOPE[is_host]} {signature(report['mac'], 'mmhie accept verify')}</footer>"
    )
    return framed(f"{title}: {outcome}", body, text)


REPORT: Final = ReportKind(SIGNATURE, html, ("time", "has_passed", "verdict"))


def seen_in(found: JsonView) -> str:
    """Say where a host was looked at from."""
    return (
        f"<p>{escape(found['time'])}, mmhie {escape(found['version'])}, from a process of this "
        "host or container.</p>"
    )


def seen_on(found: JsonView) -> str:
    """Say what it ran on, and that a CPU proves nothing about a GPU."""
    plan, quick = found["facts"], ", quick form" if found["facts"]["is_quick"] else ""
    device = ", ".join(plan["cards"]) or f"a CPU ({plan['cpus']} cores)"
    note = (
        ""
        if plan["cards"]
        else ' <strong class="note">CPU engine: nothing here was seen on a GPU.</strong>'
    )
    return (
        f"<p>{escape(found['time'])} on {escape(device)}, mmhie {escape(found['version'])}"
        f"{quick}.{note}</p>"
    )


def findings(found: Iterable[Mapping[str, str]]) -> str:
    """Render the checks as a table."""
    rows = (
        f'<tr class="{finding["outcome"].replace(" ", "-")}">'
        f'<td class="mark">{MARKS[finding["outcome"]]}'
        f'<span class="word"> {finding["outcome"]}</span></td>'
        f'<th scope="row">{escape(finding["check"])}</th>'
        f"<td>{escape(finding['sentence'])}</td><td>{escape(finding['measured'])}</td>"
        f"<td>{escape(finding['limit'])}</td></tr>"
        for finding in found
    )
    return table(("", "Check", "Verdict", "Measured", "Limit"), rows)


def charts(measurements: JsonView) -> str:
    """Draw load and memory, where they were measured."""
    drawn = []
    if load := measurements.get("load"):
        for title, unit, field in (
            ("Throughput", "tokens/s", "tokens_s"),
            ("Time to first token", "median, ms", "ttft_p50_ms"),
            ("Time per output token", "median, ms", "tpot_p50_ms"),
        ):
            drawn.append(line_chart(title, unit, "requests at once", series(load["runs"], field)))
    if memory := measurements.get("memory"):
        bars = {"estimated": memory["estimated_gib"], "measured": memory["used_gib"]}
        drawn.append(bar_chart("Memory", "GiB", bars))
        tokens = {"estimated": memory["estimated_tokens"], "measured": memory["tokens"]}
        drawn.append(bar_chart("KV cache", "tokens", tokens))
    return figures(drawn)


def series(runs: Iterable[JsonView], field: str) -> dict[str, list[tuple[float, float]]]:
    """Return a figure of each run over the requests at once, by way."""
    points: dict[str, list[tuple[float, float]]] = {}
    for run in runs:
        points.setdefault(f"{run['way']} the gateway", []).append((run["concurrency"], run[field]))
    return points
