"""The signed report and its page: judged anew, verified, and damaged in every part."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from assurance.acceptance import page, report, run
from assurance.acceptance.check import Check, Finding, seconds_until
from assurance.acceptance.report import SIGNATURE
from assurance.reports.page import text_in
from assurance.reports.report import refuse_unwritable
from assurance.reports.signature import ReportDamaged
from launcher.errors import LauncherError

RECORDED = sorted((Path(__file__).parents[3] / "docs/acceptance").glob("*.json"))
KEY = "k" * 32


def content() -> dict[str, Any]:
    """A report as it was measured on the CPU engine, without its signature."""
    document = SIGNATURE.read(RECORDED[0].read_text())
    del document["mac"]
    return document


def judged_again(document: dict[str, Any]) -> list[Finding]:
    """The verdicts on a report's measurements now; those without one stay as they are."""
    checks: dict[str, Check[Any, Any]] = {each.name: each for each in run.CHECKS}
    measurements = document["measurements"]
    return [
        checks[finding["check"]].recorded(measurements[finding["check"]])
        if measurements.get(finding["check"])
        else Finding(**finding)
        for finding in document["findings"]
    ]


@pytest.fixture
def text() -> str:
    """The same, signed."""
    return SIGNATURE.signed(content(), KEY)


@pytest.mark.parametrize("file", RECORDED, ids=lambda file: file.stem)
def test_recorded_measurements_are_judged_the_same(file: Path) -> None:
    """The verdicts of the shipped reports are what the judges say of their figures."""
    document = SIGNATURE.read(file.read_text())

    assert [asdict(finding) for finding in judged_again(document)] == document["findings"]
    assert document["has_passed"]


SPOILED: list[tuple[str, str, Any]] = [
    ("disclaimer", "surfaces.0.has_text", False),
    ("disclaimer", "surfaces.11.has_header", False),
    ("disclaimer", "surfaces.3.status", 502),
    ("greedy answers", "beside.0", "x"),
    ("greedy answers", "again", []),
    ("abort", "freed_s", None),
    ("abort", "was_running", False),
    ("load", "runs.0.failed", 1),
    ("load", "runs.1.ttft_p99_ms", 1e9),
    ("load", "runs.1.tokens_s", 0.1),
    ("memory", "used_gib", 100.0),
    ("memory", "tokens", 1),
    ("memory", "weights_gib", 9.9),
    ("recovery", "back_s", None),
    ("recovery", "answers_after", False),
    ("recovery", "status_while_down", 200),
    ("recovery", "answered_s", 60.0),
]


@pytest.mark.parametrize(("check", "field", "value"), SPOILED)
def test_a_worse_figure_fails(check: str, field: str, value: Any) -> None:
    """Each figure counts for itself."""
    document = content()
    place, *steps = document["measurements"][check], *field.split(".")
    for step in steps[:-1]:
        place = place[int(step) if step.isdigit() else step]
    last = steps[-1]
    place[int(last) if last.isdigit() else last] = value
    if check == "load" and field.endswith("tokens_s"):
        for load_run in document["measurements"]["load"]["runs"]:
            load_run["tokens_s"] = 0.1 if load_run["way"] == "through" else 100.0

    judged = {finding.check: finding for finding in judged_again(document)}
    assert judged[check].outcome == "failed"
    assert all(finding.outcome != "failed" for name, finding in judged.items() if name != check)


@pytest.mark.parametrize(("is_strict", "outcome"), [(False, "passed"), (True, "failed")])
def test_a_tie_may_break_otherwise(is_strict: bool, outcome: str) -> None:
    """Two tokens as likely as each other: rounding, and it is said; not where vLLM rules it out."""
    document = content()
    greedy = document["measurements"]["greedy answers"]
    greedy |= {"is_strict": is_strict, "gaps": [0.01, *greedy["gaps"][1:]]}
    greedy["beside"][0] = "x"
    (judged,) = [finding for finding in judged_again(document) if finding.check == "greedy answers"]

    assert judged.outcome == outcome
    assert ("not always the same" in judged.sentence) is not is_strict


def test_a_report_is_as_it_was_written(text: str) -> None:
    """And any other key's is not."""
    assert SIGNATURE.verify(text, KEY) == content()
    with pytest.raises(ReportDamaged):
        SIGNATURE.verify(text, "l" * 32)
    with pytest.raises(LauncherError, match="MMHIE_AUDIT_KEY"):
        SIGNATURE.verify(text, None)


def test_every_changed_byte_is_found(text: str) -> None:
    """A digit, a word, white space, something after the end."""
    places = range(0, len(text), 97)
    changed = [text[:place] + chr(ord(text[place]) ^ 1) + text[place + 1 :] for place in places]
    for other in (*changed, text + " ", text[:-2], text.replace(": true", ": false", 1)):
        with pytest.raises(ReportDamaged):
            SIGNATURE.verify(other, KEY)


def test_without_a_key_nobody_can_tell() -> None:
    """An unsigned report is no genuine one, and says so."""
    unsigned = SIGNATURE.signed(content(), None)

    with pytest.raises(ReportDamaged, match="not signed"):
        SIGNATURE.verify(unsigned, KEY)
    assert "not signed" in page.html(unsigned)


def test_the_page_holds_the_report(text: str) -> None:
    """Whole, whatever characters are in it; nothing is loaded from elsewhere."""
    hostile = SIGNATURE.signed(content() | {"verdict": "</script><b>"}, KEY)

    assert text_in(page.html(text), "acceptance") == text
    assert text_in(page.html(hostile), "acceptance") == hostile
    assert "</script><b>" not in page.html(hostile)
    assert "CPU engine: nothing here was seen on a GPU." in page.html(text)
    for loading in ("http://", "https://", "src=", "@import", "url("):
        assert loading not in page.html(text)


def test_a_failure_is_seen_on_the_page() -> None:
    """In words and colour, with the sentence."""
    document = content()
    finding = Finding("abort", "failed", "The engine works on.", "over 5 s", "5 s")
    document["findings"] = [asdict(finding)]
    shown = page.html(SIGNATURE.signed(report.document(measured(document), document["time"]), KEY))

    assert '<p class="verdict failed">1 of 1 checks failed: abort.</p>' in shown
    assert "The engine works on." in shown


def measured(found: dict[str, Any]) -> dict[str, Any]:
    """The parts that a run returns."""
    return {name: found[name] for name in ("facts", "findings", "measurements")}


async def test_a_state_is_waited_for() -> None:
    """Until it is so, until it no longer is, and never longer than the limit."""
    states = iter([False, False, True, True, False])

    async def is_so() -> bool:
        return next(states, False)

    assert await seconds_until(is_so, 5.0, 0.0) is not None
    assert await seconds_until(is_so, 5.0, 0.0, wanted=False) is not None
    assert next(states, None) is None
    assert await seconds_until(is_so, 0.0, 0.0) is None


@pytest.mark.parametrize("name", ["a.html", "a.logs", "a.log", "folder.json", "nowhere/a.json"])
def test_a_report_that_cannot_be_written_is_refused_at_once(name: str, tmp_path: Path) -> None:
    """A folder, too, and the names of what a run writes beside its report."""
    (tmp_path / "folder.json").mkdir()
    with pytest.raises(LauncherError, match=r"name a \.json file"):
        refuse_unwritable(tmp_path / name)

    refuse_unwritable(tmp_path / "a.json")
