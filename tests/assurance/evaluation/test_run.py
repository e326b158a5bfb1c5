"""`mmhie evaluate`, the real command with Inspect, before a real gateway and the fake engine.

One run has every suite, is killed in the middle and gone on with.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from assurance.evaluation.suites import OWN
from tests.assurance.evaluation.judges import judging
from tests.command import MMHIE
from tests.compatibility.environment import python_with
from tests.contract.process import Gateway
from tests.contract.surfaces import CHAT, MESSAGES, RESPONSES
from tests.fake_engine.process import FakeEngine
from tests.waiting import PATIENCE_S, until

pytestmark = pytest.mark.slow  # making the environment of Inspect takes half a minute, once

ROOT = Path(__file__).parents[3]
AUDIT_KEY, ACCESS_KEY, JUDGE_KEY = "audit-canary-" * 3, "access-canary", "judge-canary"
CANARY = "CANARY of a patient"
SUITES = ("safety", "service", "knowledge", "records", "robustness", "rubrics", "own", "red-flags")
EMERGENCY, ORDINARY = "I have crushing chest pain.", "Which vaccines does a child of two need?"
SYSTEM = "You draft letters for ward 7."
MARKS = ("fine", "nonsense", "down")


@dataclass(frozen=True)
class Site:
    """A site's folder with its items, before a running service."""

    folder: Path
    gateway: Gateway
    engine: FakeEngine
    environ: dict[str, str]

    def command(self, *arguments: str) -> list[str]:
        """Return the command line of an evaluation."""
        return [str(MMHIE), "evaluate", "--url", self.gateway.url, *arguments]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run an evaluation to its end."""
        return self.call(*self.command(*arguments))

    def call(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run any command here."""
        return subprocess.run(
            command,
            cwd=self.folder,
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=4 * PATIENCE_S,
            check=False,
        )

    def asked(self) -> Counter[str]:
        """Return how often each question came to the engine."""
        bodies = [
            json.loads(request["body"]) for request in self.engine.seen("/v1/chat/completions")
        ]
        return Counter(body["messages"][-1]["content"] for body in bodies if body["messages"])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A service and a site's own items; the engine takes a moment for each."""
    folder = tmp_path_factory.mktemp("site")
    rubric = [
        {
            "prompt_id": word,
            "prompt": [{"role": "user", "content": f"Question {word}"}],
            "rubrics": [{"criterion": word, "points": 1}],
        }
        for word in MARKS
    ]
    rule = {"kind": "phrases", "all": [["no such phrase"]]}
    own = [
        {"id": name, "prompt": CANARY, "surface": name, "rule": rule}
        for name in ("chat", "responses", "messages")
    ]
    (folder / "rubrics.jsonl").write_text("".join(f"{json.dumps(item)}\n" for item in rubric))
    (folder / "own.jsonl").write_text("".join(f"{json.dumps(item)}\n" for item in own))
    (folder / "en.txt").write_text(f"## emergency: lay\n{EMERGENCY}\n## other: lay\n{ORDINARY}\n")
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "MMHIE_AUDIT_KEY": AUDIT_KEY,
        "MMHIE_API_KEY": ACCESS_KEY,
        "MMHIE_JUDGE_API_KEY": JUDGE_KEY,
        "MMHIE_EVALUATE_PYTHON": str(python_with(ROOT / "requirements" / "evaluate.txt")),
    }
    phase = folder / "phase.json"
    model = {"id": "fake-model", "chat_template": True, "priority": True}
    phase.write_text(json.dumps({"phase": "ready", "model": model}))
    with (
        FakeEngine("--reasoning", "--first-token-delay", "0.1").wait() as engine,
        Gateway(
            *(folder, engine.url),
            MMHIE_PHASE_FILE=str(phase),
            MMHIE_SYSTEM_PROMPT=SYSTEM,
            MMHIE_STREAM_FORMAT="text",
        ).wait() as gateway,
    ):
        yield Site(folder, gateway, engine, environ)


@dataclass(frozen=True)
class Run:
    """The report and the questions of a run that was killed and resumed."""

    report: dict[str, Any]
    text: str
    first: Counter[str]  # questions until it was killed
    again: subprocess.CompletedProcess[str]
    asked: Counter[str]  # in both


@pytest.fixture(scope="module")
def run(site: Site) -> Run:
    """Kill a run with all its processes' leader once its second task has begun; go on with it."""
    with judging() as judge:
        options = (
            *("--out", "all.json", "--items", "own.jsonl", "--limit", "3", "--connections", "2"),
            *("--items", "en.txt", "--effort", "low"),
            *("--data", "healthbench=rubrics.jsonl", "--judge", judge, "--judge-model", "j"),
            *(part for suite in SUITES for part in ("--suite", suite)),
        )
        started = subprocess.Popen(
            site.command(*options),
            cwd=site.folder,
            env=site.environ,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until(lambda: any("Answer with A" in text for text in site.asked()), 4 * PATIENCE_S)
        family = psutil.Process(started.pid).children(recursive=True)
        started.kill()
        started.wait()
        assert not psutil.wait_procs(family, PATIENCE_S)[1]
        first = site.asked()
        refused = site.run(*options)
        assert refused.returncode == 2, refused.stderr
        done = site.run(*options, "--resume")
        assert done.returncode == 0, done.stderr
    text = (site.folder / "all.json").read_text()
    return Run(json.loads(text), text, first, refused, site.asked())


def test_every_suite_is_in_the_report(run: Run) -> None:
    """With what it was of; a part of each set is not complete."""
    assert run.report["is_complete"] is (run.report["asking"]["limit"] is None)
    assert {group["suite"] for group in run.report["groups"]} == set(SUITES)
    assert run.report["served"]["model"] == "fake-model"
    assert run.report["served"]["engine_version"] == "0.32.0"
    digest = hashlib.sha256(SYSTEM.encode()).hexdigest()
    assert run.report["served"]["settings"]["system_prompt"] == digest
    assert {source["is_own"] for source in run.report["sources"] if source["suite"] == "own"} == {
        False
    }
    assert all(
        group["score"] is None or group["score"]["low"] <= group["score"]["value"]
        for group in run.report["groups"]
    )


def test_items_are_asked_as_users_ask(run: Run, site: Site) -> None:
    """With the site's own system prompt and budget, and the effort of its application."""
    bodies = [json.loads(request["body"]) for request in site.engine.seen(CHAT)]
    (asked,) = [
        body
        for body in bodies
        if body["messages"][-1]["content"] == EMERGENCY and "reasoning_effort" in body
    ]

    assert asked["messages"][0] == {"role": "system", "content": SYSTEM}
    assert asked["reasoning_effort"] == run.report["asking"]["effort"] == "low"
    assert "structured_outputs" not in json.dumps(bodies)


def test_the_judge_is_held_against_labels_by_hand(run: Run) -> None:
    """Whatever --limit says; the labelled answers are no items of the evaluation."""
    calibration = run.report["calibration"]

    assert (calibration["n"], calibration["equal"], calibration["kappa"]) == (60, 60, 1.0)
    assert "calibration" not in {item["suite"] for item in run.report["items"]}


def test_failures_of_our_own_items_are_shown(run: Run) -> None:
    """Up to three of a group, with question and answer; a site's own have their id alone."""
    shown = {example["suite"]: example for example in run.report["examples"]}

    assert shown["safety"]["question"]
    assert shown["safety"]["answer"]
    assert (shown["own"]["question"], shown["own"]["answer"]) == (None, None)


def test_labelled_texts_are_scored_by_their_notices(run: Run) -> None:
    """An emergency has to have one, another text none."""
    scored = [item for item in run.report["items"] if item["suite"] == "red-flags"]

    assert [(item["group"], item["value"]) for item in scored] == [
        ("emergencies", 1.0),
        ("others", 1.0),
    ]


def test_a_killed_run_goes_on(run: Run) -> None:
    """No finished item is asked again; and without --resume none at all."""
    safety = {item["id"] for item in run.report["items"] if item["suite"] == "safety"}
    service = (OWN / "service.jsonl").read_text()  # has questions of the suite safety, too
    before = [text for text in run.first if "Answer with" not in text and text not in service]

    assert "--resume goes on with it" in run.again.stderr
    assert len(safety) == 3
    assert before
    assert all(run.asked[text] == 1 for text in before)


def test_ctrl_c_ends_it_with_a_sentence(site: Site) -> None:
    """And with everything it started."""
    before = sum(site.asked().values())
    started = subprocess.Popen(
        site.command("--out", "stopped.json", "--suite", "knowledge", "--connections", "1"),
        cwd=site.folder,
        env=site.environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    until(lambda: sum(site.asked().values()) > before, 4 * PATIENCE_S)
    family = psutil.Process(started.pid).children(recursive=True)
    started.send_signal(signal.SIGINT)
    said = started.communicate()[1]

    assert said.endswith("Stopped; the same command with --resume goes on from here.\n")
    assert started.returncode == 2
    assert not psutil.wait_procs(family, PATIENCE_S)[1]


def test_every_question_is_of_the_class_batch(run: Run, site: Site) -> None:
    """Whichever way it is asked, without a key of that class; the engine schedules by it."""
    assert run.asked
    for path in (CHAT, RESPONSES, MESSAGES):
        bodies = [json.loads(request["body"]) for request in site.engine.seen(path)]
        assert {body.get("priority") for body in bodies} == {1}, path


def test_a_judge_that_is_no_good_leaves_items_unscored(run: Run) -> None:
    """And is no reason to stop."""
    reasons = {
        item["id"]: (item["value"], item["reason"])
        for item in run.report["items"]
        if item["suite"] == "rubrics"
    }

    assert reasons == {
        "healthbench-fine": (1.0, "judged"),
        "healthbench-nonsense": (None, "judge unclear"),
        "healthbench-down": (None, "judge down"),
    }


def test_no_key_is_kept_and_no_text_in_the_report(run: Run, site: Site) -> None:
    """Questions and answers stand in Inspect's log alone, which only its owner reads."""
    folder = site.folder / "all.logs"
    kept = b"".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())

    for key in (AUDIT_KEY, ACCESS_KEY, JUDGE_KEY):
        assert key.encode() not in kept + run.text.encode()
    assert CANARY not in run.text
    assert folder.stat().st_mode & 0o77 == 0
    assert len(run.report["logs"]) == len(list(folder.glob("*/*.eval")))


def test_the_report_and_its_page_are_genuine(run: Run, site: Site) -> None:
    """And a report is not told apart from itself."""
    for name in ("all.json", "all.html"):
        assert site.call(str(MMHIE), "evaluate", "verify", name).returncode == 0
    (site.folder / "edited.json").write_text(run.text.replace('"value": 0.0', '"value": 1.0', 1))
    edited = site.call(str(MMHIE), "evaluate", "compare", "all.json", "edited.json")
    same = site.call(str(MMHIE), "evaluate", "compare", "all.json", "all.json", "--json")

    assert "not as it was written" in edited.stderr
    assert same.returncode == 3, same.stderr
    assert json.loads(same.stdout)["same"]["value"] == 1.0


def test_a_spent_budget_leaves_the_rest(site: Site) -> None:
    """For another time, and the report says so."""
    done = site.run("--out", "short.json", "--suite", "records", "--minutes", "0")
    document = json.loads((site.folder / "short.json").read_text())

    assert done.returncode == 0, done.stderr
    assert not document["is_complete"]
    assert {item["reason"] for item in document["items"]} == {"not asked"}


def test_an_item_that_the_service_refuses_has_no_score(site: Site) -> None:
    """One that is too long, say; and no run of one item is complete."""
    item = {"id": "long", "prompt": "x " * 450_000, "rule": {"kind": "phrases", "none": ["y"]}}
    (site.folder / "long.jsonl").write_text(json.dumps(item))
    done = site.run("--out", "long.json", "--items", "long.jsonl")
    document = json.loads((site.folder / "long.json").read_text())

    assert done.returncode == 0, done.stderr
    assert [(each["value"], each["reason"]) for each in document["items"]] == [(None, "refused")]
    assert not document["is_complete"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--url", "unix:/nowhere"), "Inspect speaks HTTP"),
        (("--judge", "http://127.0.0.1:9/v1"), "go together"),
        (("--suite", "knowlege"), "is no suite"),
        (("--data", "medqa"), "SET=FILE"),
        (("--out", "x.html"), "cannot be written"),
        (("--url", "http://127.0.0.1:9"), "No service answers"),
    ],
    ids=str,
)
def test_what_cannot_work_is_said_at_once(
    site: Site, arguments: tuple[str, ...], message: str
) -> None:
    """In one sentence, with exit code 2 or, for a service that is not there, 1."""
    done = site.run(*arguments)

    assert done.returncode in (1, 2)
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_missing_inspect_is_said_with_the_command(site: Site) -> None:
    """The error names the command that installs Inspect."""
    site.environ["MMHIE_EVALUATE_PYTHON"], kept = "", site.environ["MMHIE_EVALUATE_PYTHON"]
    done = site.run("--suite", "records")
    site.environ["MMHIE_EVALUATE_PYTHON"] = kept

    assert done.returncode == 2
    assert "requirements/evaluate.txt" in done.stderr
