"""The Grafana dashboard of drift: what changes in answers over weeks, from counts alone."""

from pathlib import Path

from scripts.render.dashboard import FILE as OPERATION
from scripts.render.dashboard import Panel, Rows, chosen, dashboard, quantiles, rate

FILE = OPERATION.with_name("mmhie-drift.json")
TITLE = "Medical reasoning service: drift"
ASKED = 'route!~"/tokenize|/detokenize|.*/count_tokens"'  # what is meant to have an answer
SHORT = 'le="20.0"'  # a bucket of vLLM's: 1, 2, 5, 10, 20, ... tokens
LENGTH = "vllm:request_generation_tokens"

ALL = rate("mmhie_requests_total")
ANSWERED = rate("mmhie_requests_total", "", ASKED, 'outcome="ok"')
FAILED = rate("mmhie_requests_total", "outcome", 'outcome!="ok"')
SHORT_ANSWERS = f"{rate(LENGTH + '_bucket', '', SHORT)} / {rate(LENGTH + '_count')}"
HOURLY = f"sum by (route) (increase({chosen('mmhie_requests_total', ASKED)}[1h]))"
FLAGS = rate("mmhie_feedback_total", "severity", 'category!="signed_off"')
SIGNED_OFF = rate("mmhie_feedback_total", "", 'category="signed_off"')
READ = rate("mmhie_answer_beginnings_total")
DECLINED = rate("mmhie_answer_beginnings_total", "", 'kind="refusal"')
SPOKEN = (
    f"{rate('mmhie_prompts_total', 'language')} / on () group_left {rate('mmhie_prompts_total')}"
)


def share(metric: str, by: str) -> dict[str, str]:
    """Return a query for the events of each kind in a request that was answered."""
    return {"{{" + by + "}}": f"{rate(metric, by)} / on () group_left {ANSWERED}"}


LENGTHS = {
    "answer": f"{rate('mmhie_completion_tokens_total')} / {ANSWERED}",
    "prompt": f"{rate('mmhie_prompt_tokens_total')} / {ANSWERED}",
}
OUTCOMES = {"{{outcome}}": f"{FAILED} / on () group_left {ALL}"}
FLAGGED = {"{{severity}}": f"1000 * {FLAGS} / on () group_left {ANSWERED}"}
SIGNED = {"signed off": f"1000 * {SIGNED_OFF} / {ANSWERED}"}

ROWS: Rows = {
    "Lengths": (
        Panel("Mean length", "short", LENGTHS),
        Panel("Length of answers", "short", quantiles(LENGTH)),
        Panel("Short answers", "percentunit", {"20 tokens or fewer": SHORT_ANSWERS}),
    ),
    "Ends of answers": (
        Panel("Share truncated", "percentunit", share("mmhie_truncated_total", "where")),
        Panel("Share with a warning", "percentunit", share("mmhie_warnings_total", "kind")),
        Panel("Share refused or failed", "percentunit", OUTCOMES),
        Panel("Refusals by the model", "percentunit", {"declined": f"{DECLINED} / {READ}"}),
    ),
    "Prompts": (
        Panel("Share with a red-flag notice", "percentunit", share("mmhie_notices_total", "rule")),
        Panel("Languages", "percentunit", {"{{language}}": SPOKEN}),
        Panel("Requests in an hour", "short", {"{{route}}": HOURLY}),
    ),
    "What is known of the answers": (
        Panel("Flags for 1,000 answers", "short", FLAGGED),
        Panel("Sign-offs for 1,000 answers", "short", SIGNED),
    ),
}
NOTES = {
    "Mean length": "Tokens of an answered request, reasoning included.",
    "Short answers": "Refusals by the model are short: a rise is a reason to look at some answers.",
    "Refusals by the model": "Of the answers whose beginning was read: docs/monitoring.md.",
    "Share with a red-flag notice": "More emergencies, other texts, or rules that fire on what "
    "they should not.",
    "Languages": "By the commonest words; other: none of these, or too few words to tell.",
    "Flags for 1,000 answers": "By readers (docs/feedback.md). None at all may mean that nobody "
    "flags.",
}


def pages() -> dict[Path, str]:
    """Return the dashboard's file."""
    return {FILE: dashboard(TITLE, ROWS, NOTES, "mmhie-drift", since="30d", refresh="5m")}
