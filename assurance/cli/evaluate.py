"""`mmhie evaluate`: ask the running service questions with Inspect, and compare two such runs."""

import json
import os
import shlex
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Final

import typer

from assurance.evaluation import inspection, scores
from assurance.evaluation.compare import Comparison, compare_evaluations
from assurance.evaluation.inspection import InspectFailed
from assurance.evaluation.items import read_items
from assurance.evaluation.logs import read_evaluation
from gateway.cli.command import AsJson, NegativeResult, put
from launcher import settings
from launcher.errors import LauncherError, SettingsError
from launcher.json_types import Json
from launcher.terminal.address import Key, Url, access_key, address, open_client

SUITES: Final = ("safety", "knowledge", "records", "robustness")


Suites = Annotated[
    list[str] | None, typer.Option("--suite", help=f"Repeatable: {', '.join(SUITES)}, calibration.")
]
Items = Annotated[Path | None, typer.Option(help="Ask your own items instead: a JSONL file.")]
Logs = Annotated[Path, typer.Option(help="Folder of Inspect's logs; what is unfinished goes on.")]
InspectArgs = Annotated[str, typer.Option(help='Options of `inspect eval-set`: "--limit 10".')]
Compare = Annotated[
    tuple[Path, Path] | None,
    typer.Option(help="Ask nothing: compare two runs, by their folders of Inspect's logs in JSON."),
]
Margin = Annotated[
    float | None,
    typer.Option(min=0.001, max=1, help="Largest loss of right answers that is accepted: 0.05."),
]


class CannotTell(LauncherError):
    """The questions are too few to show a difference, or to exclude one."""

    exit_code = 3


def evaluate(  # noqa: PLR0913, PLR0917 - one parameter for each option
    url: Url = None,
    key: Key = None,
    suite: Suites = None,
    items: Items = None,
    logs: Logs = Path("evaluation"),
    inspect_args: InspectArgs = "",
    compare: Compare = None,
    margin: Margin = None,
    as_json: AsJson = False,
) -> None:
    """Ask the running service questions with Inspect, and print scores with their intervals.

    --compare compares two runs. Exit code 0: the second is within --margin of the first; 1: they
    differ; 3: too few questions to decide."""
    if compare is not None:
        compare_runs(*compare, margin, as_json=as_json)
        return
    tasks, options = choose_tasks(suite, items), split(inspect_args)
    if items is not None:
        options = ["-T", f"items={json.dumps(str(items.absolute()))}", *options]
    interpreter = inspection.find_python(settings.load(os.environ).cache_dir)
    base_url = address(url).rstrip("/")
    model, served = ask_served(base_url, key)
    arguments = inspection.arguments(tasks, model, served, logs.absolute())
    environ = inspection.child_environ(base_url, access_key(key), logs.absolute())
    display = {"INSPECT_DISPLAY": "none"} if as_json else {}
    inspection.run_inspect([str(interpreter), *arguments, *options], environ | display, logs)
    report(logs, as_json=as_json)


def choose_tasks(suites: list[str] | None, items: Path | None) -> list[str]:
    """Return the tasks to run; refuse what is none before anything is asked."""
    if items is not None:
        read_items(items)
        return ["own"]
    if unknown := set(suites or ()) - {*SUITES, "calibration"}:
        raise SettingsError(f"{min(unknown)} is no suite: choose among {', '.join(SUITES)}.")
    return suites or list(SUITES)


def split(text: str) -> list[str]:
    """Split options as a shell does. Raises SettingsError."""
    try:
        return shlex.split(text)
    except ValueError:
        raise SettingsError("--inspect-args has a quote that is not closed.") from None


def ask_served(url: str, key: str | None) -> tuple[str, Json]:
    """Return the name of the served model, and facts about the service. Raises LauncherError."""
    if not url.startswith(("http://", "https://")):
        raise SettingsError("Inspect speaks HTTP: name the gateway as http(s)://host:port.")
    with closing(open_client(url, key)) as service:
        health = service.get("/healthz")
    if not health.get("model"):
        raise SettingsError("/healthz does not name the model: give a key with --key.")
    facts = {name: value for name, value in (health.get("served") or {}).items() if value}
    return health["model"], {**facts, "engine_version": (health.get("engine") or {}).get("version")}


def report(logs: Path, *, as_json: bool) -> None:
    """Print the scores. Raises InspectFailed if questions are left, or the judge is no good."""
    evaluation = read_evaluation(logs)
    rows, fault = scores.make_rows(evaluation.answers), scores.find_fault(evaluation)
    verdict = fault or scores.summarise(evaluation)
    document = {
        "is_complete": evaluation.is_complete,
        "verdict": verdict,
        "facts": evaluation.facts,
        "scores": [asdict(row) for row in rows],
    }
    table = "\n".join(scores.describe(row) for row in rows)
    sentence = f"{verdict} `inspect view --log-dir {logs}` shows every answer."
    put(f"{table}\n{sentence}", document, as_json=as_json)
    if fault:
        raise InspectFailed(fault)


def compare_runs(first: Path, second: Path, margin: float | None, *, as_json: bool) -> None:
    """Compare two runs on the same questions. Raises NegativeResult or CannotTell."""
    comparison = compare_evaluations(read_evaluation(first), read_evaluation(second))
    is_within = margin is not None and comparison.largest_loss < margin
    document = {
        "is_different": comparison.is_different,
        "is_within_margin": is_within,
        "sentence": comparison.sentence,
        **asdict(comparison),
    }
    put("\n".join(lines(comparison)), document, as_json=as_json)
    if comparison.is_different:
        raise NegativeResult(comparison.sentence)
    if not is_within:
        raise CannotTell(comparison.sentence)
    if not as_json:
        sys.stdout.write(f"The second is at most {margin:.0%} of right answers worse.\n")


def lines(comparison: Comparison) -> Iterator[str]:
    """Describe a comparison for a person."""
    for contrast in comparison.contrasts:
        yield (
            f"{contrast.task:<11} {contrast.n:>5} questions; right in the first alone "
            f"{contrast.only_first}, in the second alone {contrast.only_second}; "
            f"McNemar p = {contrast.p_adjusted:.2g}"
        )
    if comparison.differs_in:
        yield f"The runs differ in: {', '.join(comparison.differs_in)}."
    if comparison.unscored:
        yield f"Without a score in the second alone: questions of {', '.join(comparison.unscored)}."
