"""`mmhie evaluate`, the real command with Inspect, before a real gateway and the fake engine."""

from __future__ import annotations

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

from tests.assurance.evaluation.judges import GULLIBLE, judging
from tests.command import MMHIE
from tests.compatibility.environment import python_with
from tests.contract.process import Gateway
from tests.contract.surfaces import CHAT
from tests.fake_engine.process import FakeEngine
from tests.waiting import PATIENCE_S, until

pytestmark = pytest.mark.slow  # making the environment of Inspect takes half a minute, once

ROOT = Path(__file__).parents[3]
ACCESS_KEY, JUDGE_KEY, AUDIT_KEY = "access-canary", "judge-canary", "audit-canary-" * 3
CANARY = "CANARY of a patient"


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

    def run(self, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run an evaluation to its end."""
        return self.call(*self.command(*arguments), **environ)

    def call(self, *command: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run any command here."""
        return subprocess.run(
            command,
            cwd=self.folder,
            env={**self.environ, **environ},
            capture_output=True,
            text=True,
            timeout=4 * PATIENCE_S,
            check=False,
        )

    def bodies(self) -> list[dict[str, Any]]:
        """Return what the engine was asked."""
        bodies = [json.loads(request["body"]) for request in self.engine.seen(CHAT)]
        return [body for body in bodies if body["messages"]]

    def asked(self) -> Counter[str]:
        """Return how often each question came to the engine."""
        return Counter(body["messages"][-1]["content"] for body in self.bodies())


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A service, and Inspect where the command looks for it."""
    folder = tmp_path_factory.mktemp("site")
    python = python_with(ROOT / "requirements" / "evaluate.txt")
    (folder / "cache").mkdir()
    (folder / "cache" / "evaluate").symlink_to(python.parents[1])
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "MMHIE_CACHE_DIR": str(folder / "cache"),
        "MMHIE_AUDIT_KEY": AUDIT_KEY,
        "MMHIE_API_KEY": ACCESS_KEY,
        "JUDGE_API_KEY": JUDGE_KEY,
    }
    phase = folder / "phase.json"
    model = {"id": "fake-model", "revision": "r1", "chat_template": True, "priority": True}
    phase.write_text(json.dumps({"phase": "ready", "model": model}))
    with (
        FakeEngine("--reasoning", "--first-token-delay", "0.1").wait() as engine,
        Gateway(folder, engine.url, MMHIE_PHASE_FILE=str(phase)).wait() as gateway,
    ):
        yield Site(folder, gateway, engine, environ)


def write_items(site: Site, *items: dict[str, Any]) -> str:
    """Write a site's file of items; return its name."""
    (site.folder / "own.jsonl").write_text("".join(f"{json.dumps(item)}\n" for item in items))
    return "own.jsonl"


@pytest.fixture(scope="module")
def document(site: Site) -> dict[str, Any]:
    """The outcome of two of our own suites."""
    suites = ("--suite", "safety", "--suite", "robustness")
    done = site.run(
        *suites, "--logs", "whole", "--json", "--inspect-args", "--reasoning-effort low"
    )
    assert done.returncode == 0, done.stderr
    outcome: dict[str, Any] = json.loads(done.stdout)
    return outcome


def test_our_own_suites_are_scored(document: dict[str, Any]) -> None:
    """With what was served, and none of the answers that only a judge could score."""
    scores = {(row["task"], row["group"]): row["score"] for row in document["scores"]}

    assert document["is_complete"]
    assert document["facts"]["model"] == "openai-api/gateway/fake-model"
    assert document["facts"]["revision"] == "r1"
    assert document["facts"]["engine_version"] == "0.32.0"
    assert scores["safety", "doses"]["n"] == 12
    assert scores["safety", "emergencies, de"] is None
    assert scores["robustness", "paraphrases"]["n"] == 8
    assert scores["robustness", "prose"] is None


def test_every_question_is_of_the_class_batch(document: dict[str, Any], site: Site) -> None:
    """Without a key of that class; the engine schedules by it. Options of Inspect reach it, too."""
    assert document["is_complete"]
    assert {body.get("priority") for body in site.bodies()} == {1}
    assert "low" in {body.get("reasoning_effort") for body in site.bodies()}
    assert {body.get("temperature") for body in site.bodies()} == {0.0}


def test_ctrl_c_ends_it_with_a_sentence(site: Site) -> None:
    """And with everything it started."""
    before = sum(site.asked().values())
    options = ("--suite", "knowledge", "--logs", "stopped", "--inspect-args", "--max-connections 1")
    started = subprocess.Popen(
        site.command(*options),
        cwd=site.folder,
        env=site.environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    until(lambda: sum(site.asked().values()) > before, 4 * PATIENCE_S)
    family = psutil.Process(started.pid).children(recursive=True)
    started.send_signal(signal.SIGINT)
    errors = started.communicate()[1]

    assert errors.endswith(f"Stopped. The same command goes on from {site.folder / 'stopped'}.\n")
    assert started.returncode == 1
    assert not psutil.wait_procs(family, PATIENCE_S)[1]


def test_a_part_is_not_a_whole(site: Site) -> None:
    """A run with a limit prints its scores, and ends with 1."""
    done = site.run("--suite", "records", "--logs", "part", "--inspect-args", "--limit 2")

    assert done.returncode == 1
    assert (
        "2 of 14 questions were answered: the same command, without --limit, goes on."
        in done.stdout
    )


def test_a_sites_texts_stay_in_its_logs(site: Site) -> None:
    """Only their owner reads them; no key is written anywhere."""
    rule = {"kind": "dose", "value": 5, "unit": "mg"}
    items = ({"id": f"w{n}", "prompt": f"{CANARY} {n}", "rule": rule} for n in range(10))
    done = site.run("--items", write_items(site, *items), "--logs", "ward")
    folder = site.folder / "ward"
    kept = b"".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())

    assert done.returncode == 0, done.stderr
    assert CANARY not in done.stdout + done.stderr
    assert CANARY.encode() in kept
    assert folder.stat().st_mode & 0o77 == 0
    for key in (ACCESS_KEY, JUDGE_KEY, AUDIT_KEY):
        assert key.encode() not in kept + done.stdout.encode() + done.stderr.encode()


@pytest.fixture(scope="module")
def judged(site: Site) -> str:
    """Name a file with an item for each thing that a judge may do."""
    return write_items(
        site,
        *(
            {
                "id": word,
                "group": word,
                "prompt": f"Question {word}",
                "rule": {"kind": "rubric", "criteria": [{"criterion": word, "points": 1}]},
            }
            for word in ("fine", "prose", "twice", "down")
        ),
    )


def ask_judge(site: Site, name: str, *options: str) -> tuple[int, dict[str, Any]]:
    """Return exit code and outcome of a run with this judge."""
    role = ("--inspect-args", f"--model-role grader=openai-api/judge/{name}")
    with judging() as url:
        done = site.run(*options, *role, "--json", JUDGE_BASE_URL=url)
    return done.returncode, json.loads(done.stdout)


def test_a_judge_grades_rubrics(site: Site, judged: str) -> None:
    """Prose and two verdicts leave an answer without a score; a judge that is down fails it."""
    code, document = ask_judge(site, "j", "--items", judged, "--logs", "judged")
    rows = {row["group"]: row for row in document["scores"]}

    assert code == 1
    assert rows["fine"]["score"]["value"] == 1.0
    assert rows["prose"]["reasons"] == rows["twice"]["reasons"] == {"judge unclear": 1}
    assert rows["down"]["reasons"] == {"failed": 1}


def test_a_judge_that_follows_an_answer_scores_nothing(site: Site) -> None:
    """It agrees with 57 of 65 labels, but obeys what eight answers tell it."""
    rule = {"kind": "rubric", "criteria": [{"criterion": "fine", "points": 1}]}
    file = write_items(site, {"id": "a", "prompt": "Question", "rule": rule})
    code, document = ask_judge(site, GULLIBLE, "--items", file, "--logs", "gullible")
    labels = ask_judge(site, GULLIBLE, "--suite", "calibration", "--logs", "its labels")[1]
    agreement = {row["group"]: row["score"]["value"] for row in labels["scores"]}

    assert (code, document["is_complete"]) == (1, True)
    assert document["verdict"].startswith("The judge follows instructions in answers")
    assert [row["score"] for row in document["scores"]] == [None]
    assert agreement["met"] > 0.8
    assert agreement["injection met"] == agreement["injection not met"] == 0.0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--url", "unix:/nowhere"), "Inspect speaks HTTP"),
        (("--suite", "knowlege"), "is no suite"),
        (("--items", "none.jsonl"), "cannot be read"),
        (("--inspect-args", "'"), "a quote that is not closed"),
        (("--url", "http://127.0.0.1:9"), "No service answers"),
    ],
    ids=str,
)
def test_a_mistake_is_found_at_once(site: Site, arguments: tuple[str, ...], message: str) -> None:
    """In one sentence, with exit code 2 or, for a service that is not there, 1."""
    done = site.run(*arguments)

    assert done.returncode in (1, 2)
    assert message in done.stderr
    assert "Traceback" not in done.stderr
