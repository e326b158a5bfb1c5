"""`mmhie evaluate`: ask the running service questions with Inspect, and compare two such runs.

| exit code | `mmhie evaluate` | `mmhie evaluate --compare` |
|---|---|---|
| 0 | every question was answered | with `--margin`: the second is shown to be within it |
| 1 | some were not, or the judge cannot be trusted | the two differ |
| 2 | an option is wrong, or Inspect is missing | a log is unreadable, or of other questions |
| 3 | | the questions are too few to decide |
"""

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

from assurance.evaluation import compare as comparing
from assurance.evaluation import inspection, scores
from assurance.evaluation.inspection import InspectFailed, Order
from assurance.evaluation.items import read_items
from assurance.evaluation.logs import read_evaluation
from gateway.cli.command import AsJson, put
from launcher import settings
from launcher.errors import LauncherError, SettingsError
from launcher.json_types import Json, JsonView
from launcher.terminal.address import Key, Url, access_key, address, open_client

SUITES: Final = ("safety", "service", "knowledge", "records", "robustness")
CALIBRATION: Final = "calibration"  # of the judge, not of the model

Suites = Annotated[
    list[str] | None,
    typer.Option(
        "--suite",
        help=f"May be repeated: {', '.join(SUITES)} (default: these), {CALIBRATION}.",
    ),
]
Items = Annotated[
    Path | None, typer.Option("--items", help="Ask your own items instead: a JSONL or CSV file.")
]
Logs = Annotated[
    Path, typer.Option(help="Folder of Inspect's logs; an unfinished run there goes on.")
]
InspectArgs = Annotated[
    str, typer.Option(help='Options of `inspect eval-set`, such as "--limit 10".')
]
Compare = Annotated[
    tuple[Path, Path] | None,
    typer.Option(help="Ask nothing: compare two runs, by their folders of Inspect's logs in JSON."),
]
Repeated = Annotated[
    Path | None,
    typer.Option(help="Another run of the first service, to see how far it repeats itself."),
]
Margin = Annotated[
    float | None,
    typer.Option(min=0.001, max=1, help="Largest loss of right answers that is accepted: 0.05."),
]


class Different(LauncherError):
    """The two runs differ."""

    exit_code = 1


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
    repeated: Repeated = None,
    margin: Margin = None,
    as_json: AsJson = False,
) -> None:
    """Ask the running service questions with Inspect, and print scores with their intervals.

    --compare compares two runs. Exit code 0: the second is within --margin of the first; 1: they
    differ; 3: too few questions to decide."""
    if compare is not None:
        compare_runs(*compare, repeated, margin, as_json=as_json)
        return
    given = split(inspect_args)
    if items is not None:
        read_items(items)  # refuses a bad file before anything is asked
        given = ["-T", f"items={json.dumps(str(items.absolute()))}", *given]
    if unknown := set(suite or ()) - {*SUITES, CALIBRATION}:
        raise SettingsError(f"{min(unknown)} is no suite: choose among {', '.join(SUITES)}.")
    tasks = suite or SUITES if items is None else ("own",)
    interpreter = inspection.find_python(settings.load(os.environ).cache_dir)
    base_url = address(url).rstrip("/")
    model, served = ask_served(base_url, key)
    order = Order(base_url, access_key(key), model, served, tasks, given, logs.absolute())
    inspection.run_inspect(interpreter, order, is_silent=as_json)
    report(logs, as_json=as_json)


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
    engine = health.get("engine") or {}
    return health["model"], {**facts, "engine_version": engine.get("version")}


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
        "logs": str(logs),
    }
    table = "\n".join(scores.describe(row) for row in rows)
    sentence = f"{verdict} `inspect view --log-dir {logs}` shows every answer."
    put(f"{table}\n{sentence}", document, as_json=as_json)
    if fault:
        raise InspectFailed(fault)


def compare_runs(
    first: Path, second: Path, repeated: Path | None, margin: float | None, *, as_json: bool
) -> None:
    """Compare two runs on the same questions. Raises Different or CannotTell."""
    again = read_evaluation(repeated) if repeated else None
    comparison = comparing.compare(read_evaluation(first), read_evaluation(second), again)
    is_within = margin is not None and comparison.is_within(margin)
    put("\n".join(lines(comparison)), as_document(comparison, is_within), as_json=as_json)
    if comparison.is_different:
        raise Different(comparison.sentence)
    if not is_within:
        raise CannotTell(comparison.sentence)
    if not as_json:
        sys.stdout.write(f"The second is at most {margin:.0%} of right answers worse.\n")


def as_document(comparison: comparing.Comparison, is_within: bool) -> JsonView:
    """Return a comparison as JSON."""
    return {
        "is_different": comparison.is_different,
        "is_within_margin": is_within,
        "detectable": round(comparison.detectable, 4),
        "sentence": comparison.sentence,
        **asdict(comparison),
    }


def lines(comparison: comparing.Comparison) -> Iterator[str]:
    """Describe a comparison for a person."""
    for contrast in comparison.contrasts:
        yield (
            f"{contrast.task:<11} {contrast.n:>5} questions; right in the first alone "
            f"{contrast.only_first}, in the second alone {contrast.only_second}; "
            f"McNemar p = {contrast.p:.2g}, Holm {contrast.p_adjusted:.2g}"
        )
    if comparison.same:
        yield f"same answers: {comparison.same}, n = {comparison.same.n}"
    if comparison.differs_in:
        yield f"The runs differ in: {', '.join(comparison.differs_in)}."
    if comparison.unscored:
        yield f"Without a score in the second alone: questions of {', '.join(comparison.unscored)}."
    if comparison.p_same is not None:
        yield f"same answers, second against repeated: McNemar p = {comparison.p_same:.2g}"
