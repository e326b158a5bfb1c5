"""Every figure of a measurement counts in its judgement; prompts and waiting are as they say."""

from dataclasses import replace
from typing import Any

import pytest

from assurance.acceptance.check import Check, Survey, SurveyAnswer
from assurance.acceptance.checks import (
    abort,
    access,
    disclaimer,
    encryption,
    health,
    limits,
    load,
    notice,
    reasoning,
    repeat,
    streaming,
    structure,
    tools,
)

PAIR = reasoning.AnswerPair("A fever is warmth.", "They ask about a fever.", "Warmth.", ())
ANSWERED = SurveyAnswer("chat", 200, 200)
SURVEY = Survey((ANSWERED,))
GOOD: tuple[tuple[Check[Any], Any], ...] = (
    (health.CHECK, health.Health(200, 200, "ready", ("Keys are few.",))),
    (encryption.CHECK, encryption.Encryption("TLSv1.3", 60.0)),
    (access.CHECK, SURVEY),
    (disclaimer.CHECK, SURVEY),
    (notice.CHECK, notice.Notices(("Chest pain: call 2222.",), "Call 2222.", 11, (), "")),
    (limits.CHECK, SURVEY),
    (streaming.CHECK, streaming.Streaming(64, 60, 0.2, 2.0)),
    (abort.CHECK, abort.Abort(True, 0.0)),
    (reasoning.CHECK, reasoning.Answers((PAIR,), True)),
    (tools.CHECK, tools.ToolCall("look_up_dose", '{"drug": "aspirin"}', "tool_calls")),
    (structure.CHECK, structure.Structured('{"answer": 38}', "stop")),
    (repeat.CHECK, repeat.Repeat(("a", "b"), (1.0, 1.0), ("a", "b"), ("a", "b"), 8)),
    (load.CHECK, load.Load(1.0, 4.0, 16, 0.1, 0.4, ())),
)
MEASURED = {check.name: measured for check, measured in GOOD}
CHECKS = {check.name: check for check, _ in GOOD}

Case = tuple[str, dict[str, Any]]
BAD: tuple[Case, ...] = (
    ("health", {"healthz": 401}),
    ("health", {"readyz": 503}),
    ("encryption", {"version": encryption.PLAIN}),
    ("encryption", {"days_left": 3.0}),
    *(
        (check, {"answers": (ANSWERED, replace(ANSWERED, **fault))})
        for check in ("access", "disclaimer", "limits")
        for fault in ({"status": 502}, {"lacks": "header"})
    ),
    ("notice", {"messages": ()}),
    ("notice", {"missing": ("chat",)}),
    ("notice", {"without_cause": "MED101"}),
    ("streaming", {"pieces": 3}),
    ("streaming", {"first_s": 1.9}),
    ("abort", {"was_running": False}),
    ("abort", {"freed_s": None}),
    ("reasoning", {"pairs": (replace(PAIR, reasoning=""),)}),
    ("reasoning", {"pairs": (replace(PAIR, plain="<|channel|>"),)}),
    ("reasoning", {"pairs": (replace(PAIR, warnings=("harmony_leak",)),)}),
    ("reasoning", {"pairs": (replace(PAIR, text=PAIR.reasoning),)}),
    ("tools", {"name": ""}),
    ("tools", {"arguments": '{"dose": 400}'}),
    ("structured output", {"content": "About 38."}),
    ("structured output", {"content": '{"answer": 3'}),
    ("greedy answers", {"again": ("a", "c")}),
    ("greedy answers", {"beside": ("a",)}),
    ("load", {"problems": ("/v1/completions answered 429",)}),
    ("load", {"at_once_s": 0.5}),
)


@pytest.mark.parametrize("name", list(CHECKS))
def test_good_figures_pass(name: str) -> None:
    """Or no case below would mean anything."""
    assert CHECKS[name].finding(MEASURED[name]).outcome == "passed"


@pytest.mark.parametrize(("name", "changed"), BAD)
def test_a_worse_figure_fails(name: str, changed: dict[str, Any]) -> None:
    """Each figure decides by itself, whatever the others are."""
    assert CHECKS[name].finding(replace(MEASURED[name], **changed)).outcome == "failed"


def test_a_tie_between_two_tokens_may_part_answers() -> None:
    """Rounding decides there; from a token on that was sure, it does not."""
    tied = replace(MEASURED["greedy answers"], beside=("a", "c"), gaps=(1.0, 0.05))

    assert CHECKS["greedy answers"].finding(tied).outcome == "passed"
    assert "differs from a tie" in CHECKS["greedy answers"].finding(tied).sentence
