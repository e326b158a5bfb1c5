"""The benchmark's own arithmetic, and that each of its programs can be started."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench import page
from tests.bench.machine import OtherPrograms, busy
from tests.bench.places import BACKGROUND, LOOP, place_of
from tests.bench.profile import by_step
from tests.bench.report import GOALS, answers, goals, medians, ratio

README = Path(__file__).parents[2] / "README.md"
ROUND = {
    "direct": {"us_answer": 0.0},
    "nginx": {"us_answer": 6020.0},
    "gateway": {"us_answer": 12_400.0},
}


def test_an_answer_beside_nginx_and_a_gpu() -> None:
    """12.4 ms, of which an H100 asks for 14.7 a second."""
    line = next(line for line in answers([ROUND]).splitlines() if "gateway" in line)

    assert line == "| gateway | 12.4 ms | 2.06x | 5.5 | 0.8% |"


def test_goals_of_what_was_left_out_are_empty() -> None:
    """Every goal has its line, whichever peers and trials a run had."""
    lines = goals({"rounds": [ROUND], "trials": {}}).splitlines()[2:]

    assert len(lines) == len(GOALS)
    assert any("2x" in line for line in lines)


def test_a_slow_peer_is_compared_in_the_rounds_that_have_it() -> None:
    """It is in two of five rounds."""
    slow = {**ROUND, "litellm": {"us_answer": 124_000.0}}

    assert ratio([slow, ROUND], "us_answer", "litellm", "gateway") == 10
    assert medians([ROUND, slow, ROUND])["litellm"] == slow["litellm"]


@pytest.mark.parametrize("name", ["gateway", "litellm"])
def test_the_readme_says_what_the_page_says(name: str) -> None:
    """The processor time of an answer of 600 tokens, in the words of both."""
    us_answer = medians(page.result("relay")["rounds"])[name]["us_answer"]

    assert f"{page.number(us_answer / 1000)} ms" in README.read_text("utf-8")


def test_figures_of_a_busy_machine_are_not_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page is not written, and the sentence says why and what to do."""
    (tmp_path / "relay.json").write_text(json.dumps({"machine": {"others": 0.12}}))
    monkeypatch.setattr(page, "RESULTS", tmp_path)

    with pytest.raises(SystemExit, match="Other programs took 12% of the processors"):
        page.machine()
    assert busy({"others": 0.01}) == ""


def test_a_program_that_runs_meanwhile_is_seen() -> None:
    """Its share is what remains when that of the own children is taken off."""
    beside = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    seen = OtherPrograms()
    try:
        subprocess.run([sys.executable, "-c", "sum(range(10_000_000))"], check=True)
        share = seen.share()
    finally:
        beside.kill()
        beside.wait()

    assert share > 0.1


@pytest.mark.parametrize(
    "program", ["tests.bench", "tests.bench.real", "tests.bench.starting", "tests.bench.profile"]
)
def test_it_can_be_started(program: str) -> None:
    """The module starts, and prints its help."""
    asked = [sys.executable, "-m", program, "--help"]
    assert "--out" in subprocess.run(asked, capture_output=True, text=True, check=True).stdout


def test_instructions_are_those_of_the_step_that_ends() -> None:
    """Other threads' steps are left out."""
    ends = (("parse", 1, 100), ("screen", 1, 150), ("audit", 3, 990), ("parse", 1, 175))
    log = "".join(
        f"**9** step: {step}\nthreads: 1 3\ncurrent-tid: {thread}\nevents-{thread}: {total}\n"
        for step, thread, total in ends
    )

    assert by_step(log) == {"screen": 50, "parse": 25}


@pytest.mark.parametrize(
    ("stack", "step"),
    [
        (
            ["Pipeline.run (gateway/pipeline.py:1)", "Gate.need (gateway/auth/gate.py:2)"],
            "authorise",
        ),
        (["HeavyWork.on (gateway/runtime/heavy_work.py:1)", "send (libc.so.6)"], "kernel: sockets"),
        (
            ["keep (gateway/runtime/background.py:1)", "read (gateway/engine/client.py:2)"],
            BACKGROUND,
        ),
        (["run (asyncio/runners.py:1)"], LOOP),
    ],
)
def test_the_step_of_a_stack(stack: list[str], step: str) -> None:
    """The innermost frame decides, but for what runs in the background."""
    assert place_of(stack) == step
