"""The Grafana dashboard, from the rows below."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.render.page import ROOT

FILE = ROOT / "docker" / "grafana" / "dashboards" / "mmhie.json"
SOURCE = {"type": "prometheus", "uid": "mmhie"}
COLUMNS, HEIGHT = 3, 7
RATE = "$__rate_interval"


@dataclass(frozen=True, slots=True)
class Panel:
    """One graph: its title, its unit, and its queries by legend."""

    title: str
    unit: str
    queries: dict[str, str]


Rows = Mapping[str, Sequence[Panel]]


def quantiles(metric: str) -> dict[str, str]:
    """Return queries for p50, p95 and p99 of a histogram over the selected gateways."""
    rate = f"sum by (le) (rate({chosen(metric + '_bucket')}[{RATE}]))"
    return {f"p{q * 100:g}": f"histogram_quantile({q}, {rate})" for q in (0.5, 0.95, 0.99)}


def chosen(metric: str, *matchers: str) -> str:
    return metric + "{" + ",".join(('instance=~"$instance"', *matchers)) + "}"


def rate(metric: str, by: str = "", *matchers: str) -> str:
    group = f" by ({by})" if by else ""
    return f"sum{group} (rate({chosen(metric, *matchers)}[{RATE}]))"


def by(label: str, metric: str, *matchers: str) -> dict[str, str]:
    """Return the query for a counter's rate by one of its labels."""
    return {"{{" + label + "}}": rate(metric, label, *matchers)}


def total(metric: str) -> str:
    return f"sum({chosen(metric)})"


REFUSED = 'outcome=~"too_busy|queue_timeout|unauthorized|forbidden|.*_too_l.*"'
STATE = f"max by (instance) ({chosen('mmhie_shared_state_failing')})"
TRAIL = {
    "cannot be written": f"max({chosen('mmhie_audit_failing')})",
    "requests without a record": total("mmhie_audit_lost_records"),
    "seconds that the feed is behind": f"max({chosen('mmhie_audit_feed_lag_seconds')})",
}
TOKENS = {
    "generated": rate("mmhie_completion_tokens_total"),
    "prompt": rate("mmhie_prompt_tokens_total"),
}
SLOTS = {"in use": total("mmhie_inflight_requests"), "limit": total("mmhie_inflight_limit")}
QUEUE = {"waiting": total("mmhie_queued_requests"), "limit": total("mmhie_queue_limit")}
AT_ENGINE = {
    "running": total("vllm:num_requests_running"),
    "waiting": total("vllm:num_requests_waiting"),
}
CACHE = {"engine {{engine}}": f"max by (engine) ({chosen('vllm:kv_cache_usage_perc')})"}
ENDED = by("finished_reason", "vllm:request_success_total")
HITS = f"{rate('vllm:prefix_cache_hits_total')} / {rate('vllm:prefix_cache_queries_total')}"

ROWS: Rows = {
    "Health": (
        Panel("Phase", "short", {"{{phase}}": f"sum by (phase) ({chosen('mmhie_phase')}) > 0"}),
        Panel("Requests by outcome", "reqps", by("outcome", "mmhie_requests_total")),
        Panel("Shared state", "short", {"{{instance}}": STATE}),
        Panel("Audit trail", "short", TRAIL),
    ),
    "Latency": (
        Panel("Time to first token (TTFT)", "s", quantiles("mmhie_ttft_seconds")),
        Panel("Inter-token latency", "s", quantiles("vllm:inter_token_latency_seconds")),
        Panel("Request duration", "s", quantiles("mmhie_request_duration_seconds")),
    ),
    "Throughput": (
        Panel("Tokens per second", "short", TOKENS),
        Panel("Requests by route", "reqps", by("route", "mmhie_requests_total")),
        Panel("HTTP by status", "reqps", by("status", "http_requests_total")),
    ),
    "Saturation": (
        Panel("Engine slots", "short", SLOTS),
        Panel("Queue", "short", QUEUE),
        Panel("Refused requests", "reqps", by("outcome", "mmhie_requests_total", REFUSED)),
    ),
    "Answer quality": (
        Panel("Warnings", "reqps", by("kind", "mmhie_warnings_total")),
        Panel("Truncated answers", "reqps", by("where", "mmhie_truncated_total")),
        Panel("Red-flag notices", "reqps", by("rule", "mmhie_notices_total")),
    ),
    "Engine": (
        Panel("Requests at the engine", "short", AT_ENGINE),
        Panel("KV cache usage", "percentunit", CACHE),
        Panel("Prefix cache hit rate", "percentunit", {"hits": HITS}),
        Panel("Queue time in the engine", "s", quantiles("vllm:request_queue_time_seconds")),
        Panel("Preemptions", "ops", {"preempted": rate("vllm:num_preemptions_total")}),
        Panel("Finished requests by reason", "reqps", ENDED),
    ),
}
NOTES = {
    "Shared state": "1 while a gateway cannot use the shared Redis.",
    "Audit trail": "Any value but zero needs attention now.",
    "Inter-token latency": "Measured by the engine; the gateway forwards each token at once.",
    "Warnings": "harmony_*, empty_answer and nothing_generated mean malformed answers.",
    "Red-flag notices": "Red flags found in prompts. Text matching, not triage.",
}


def dashboard(
    title: str, rows: Rows, notes: Mapping[str, str], uid: str, *, since: str, refresh: str
) -> str:
    """Return a dashboard in Grafana's schema; `since` is how far back it looks at first."""
    made = {
        "uid": uid,
        "title": title,
        "tags": ["mmhie"],
        "timezone": "browser",
        "schemaVersion": 39,
        "refresh": refresh,
        "time": {"from": f"now-{since}", "to": "now"},
        "templating": {"list": [instances()]},
        "panels": placed(rows, notes),
    }
    return json.dumps(made, indent=1) + "\n"


def instances() -> dict[str, Any]:
    """Return the variable that selects gateways."""
    return {
        "name": "instance",
        "type": "query",
        "datasource": SOURCE,
        "query": "label_values(mmhie_engine_ready, instance)",
        "refresh": 2,
        "multi": True,
        "includeAll": True,
        "allValue": ".+",  # engines that are scraped themselves are instances, too
        "current": {"text": "All", "value": "$__all"},
    }


def placed(rows: Rows, notes: Mapping[str, str]) -> list[dict[str, Any]]:
    """Lay out rows and panels on the grid, each panel with the note of its title."""
    graphs: list[dict[str, Any]] = []
    top = 0
    for title, panels in rows.items():
        at = {"h": 1, "w": 24, "x": 0, "y": top}
        graphs.append({"id": len(graphs) + 1, "type": "row", "title": title, "gridPos": at})
        for number, panel in enumerate(panels):
            line, column = divmod(number, COLUMNS)
            width = 24 // COLUMNS
            at = {"h": HEIGHT, "w": width, "x": column * width, "y": top + 1 + line * HEIGHT}
            graphs.append(
                graph(panel, notes.get(panel.title, "")) | {"id": len(graphs) + 1, "gridPos": at}
            )
        top += 1 + HEIGHT * -(-len(panels) // COLUMNS)
    return graphs


def graph(panel: Panel, note: str) -> dict[str, Any]:
    """Return one time series panel."""
    targets = [
        {"refId": chr(ord("A") + number), "expr": expression, "legendFormat": legend}
        for number, (legend, expression) in enumerate(panel.queries.items())
    ]
    return {
        "type": "timeseries",
        "title": panel.title,
        "description": note,
        "datasource": SOURCE,
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "options": {"legend": {"displayMode": "list", "placement": "bottom"}},
        "targets": targets,
    }


def pages() -> dict[Path, str]:
    """Return the dashboard's file."""
    title = "Medical reasoning service"
    return {FILE: dashboard(title, ROWS, NOTES, "mmhie", since="1h", refresh="10s")}
