"""`mmhie evaluate`: ask the running service the suites' items, and write a signed report."""

import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Final, Literal

import typer
from rich.console import Console

from assurance.evaluation import compare as comparing
from assurance.evaluation import inspection, job, report, results, subject, suites
from assurance.evaluation.inspection import Access, Event
from assurance.evaluation.job import Asking, Judge, Task
from assurance.evaluation.page import REPORT
from assurance.reports.report import audit_key, refuse_unwritable
from gateway.cli.command import AsJson, put
from launcher import settings
from launcher.errors import LauncherError, SettingsError
from launcher.terminal.address import Key, Url, access_key, address, client_of
from launcher.terminal.progress import ProgressDisplay

FOREVER_S: Final = 10 * 365 * 86_400.0
STOPPED = "Stopped; the same command with --resume goes on from here."

Suites = Annotated[
    list[str] | None,
    typer.Option("--suite", help="Suite to ask; may be repeated. Default: all but own, red-flags."),
]
Data = Annotated[
    list[str] | None,
    typer.Option(help="SET=FILE or SET=owner/name in the hub's cache, in place of our own items."),
]
Items = Annotated[
    list[Path] | None,
    typer.Option("--items", help="Your own items as JSONL or CSV; labelled texts as TXT."),
]
Limit = Annotated[int | None, typer.Option(min=1, help="Maximum items of each set.")]
Minutes = Annotated[float | None, typer.Option(min=0, help="Budget; --resume asks the rest.")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with the run of this report.")]
Out = Annotated[Path, typer.Option(help="Report to write; page and logs have the same name.")]
Connections = Annotated[int, typer.Option(min=1, help="Requests at once.")]
Effort = Annotated[
    Literal["low", "medium", "high"] | None,
    typer.Option(help="Reasoning effort that your application asks for; default: none."),
]
WithTexts = Annotated[
    bool,
    typer.Option("--with-texts", help="Show failures of your own items with their texts, too."),
]
JudgeUrl = Annotated[str | None, typer.Option("--judge", help="OpenAI-compatible URL, with /v1.")]
JudgeModel = Annotated[str | None, typer.Option(help="Model of the judge.")]
File = Annotated[Path, typer.Argument(help="Report, as JSON or as page.")]
Repeated = Annotated[
    Path | None,
    typer.Option(help="Another report of the first service: how far it repeats itself."),
]

Margin = Annotated[
    float | None,
    typer.Option(min=0.001, max=1, help="Largest loss of right answers that is accepted: 0.05."),
]


class Different(LauncherError):
    """The two reports are told apart."""

    exit_code = 1


class CannotTell(LauncherError):
    """The items are too few to tell the two reports apart, or to show that they are alike."""

    exit_code = 3


@dataclass(frozen=True, slots=True)
class Options:
    """The options of one run."""

    url: str
    key: str | None
    suites: Sequence[str]
    data: Sequence[str]
    items: Sequence[Path]
    limit: int | None
    minutes: float | None
    is_resumed: bool
    out: Path
    effort: str | None
    connections: int
    judge: Judge | None
    with_texts: bool


def evaluate(  # noqa: PLR0913, PLR0917 - one parameter for each option
    context: typer.Context,
    url: Url = None,
    key: Key = None,
    suite: Suites = None,
    data: Data = None,
    items: Items = None,
    limit: Limit = None,
    minutes: Minutes = None,
    resume: Resume = False,
    out: Out = Path("evaluation.json"),
    effort: Effort = None,
    connections: Connections = 8,
    judge: JudgeUrl = None,
    judge_model: JudgeModel = None,
    with_texts: WithTexts = False,
    as_json: AsJson = False,
) -> None:
    """Evaluate the running service with Inspect, and write a signed report; patients' requests
    come first."""
    if context.invoked_subcommand is not None:
        return
    options = Options(
        url=address(url).rstrip("/"),
        key=access_key(key),
        suites=suite or default_suites(items),
        data=data or [],
        items=items or [],
        limit=limit,
        minutes=minutes,
        is_resumed=resume,
        out=out,
        effort=effort,
        connections=connections,
        judge=judge_of(judge, judge_model),
        with_texts=with_texts,
    )
    try:
        text = evaluated(options, ProgressDisplay(Console(stderr=True)))
    except KeyboardInterrupt:
        raise LauncherError(STOPPED) from None
    report = REPORT.signature.read(text)
    put(REPORT.save(out, text), REPORT.summary(report), as_json=as_json)


def default_suites(items: Sequence[Path] | None) -> list[str]:
    """Return all suites; with items of a site, theirs alone."""
    of_items = [name for name in suites.BY_ITEMS if suites.files_of(name, items or [])]
    return [*of_items] or [*suites.DEFAULT]


def judge_of(url: str | None, model: str | None) -> Judge | None:
    """Return the judge. Raises SettingsError for half of one."""
    if bool(url) != bool(model):
        raise SettingsError("--judge and --judge-model go together: give both, or none.")
    return Judge(url.rstrip("/"), model) if url and model else None


def evaluated(options: Options, display: ProgressDisplay) -> str:
    """Run what there is to run, and return the signed report. Raises LauncherError."""
    if not options.url.startswith(("http://", "https://")):
        raise SettingsError("Inspect speaks HTTP: name the gateway as http(s)://host:port.")
    chosen = settings.load(os.environ)
    refuse_unwritable(options.out)
    interpreter = inspection.python(chosen.evaluate_python, chosen.cache_dir)
    judged = [suites.CALIBRATION] if options.judge else []
    sources = suites.sources([*options.suites, *judged], placed(options.data), options.items)
    tasks = job.tasks(sources, options.limit, options.connections)
    with closing(client_of(options.url, options.key)) as service:
        served, disclaimer = subject.ask(service.get)
    asking = Asking(served.model, options.connections, options.effort, options.judge)
    place = inspection.prepared(
        options.out, job.document(asking, tasks, served, disclaimer), resume=options.is_resumed
    )
    told = EvaluationProgress(tasks, display)
    try:
        events = inspection.run(interpreter, place, access_of(options, chosen), told)
    finally:
        display.done()
    budget = {"limit": options.limit, "minutes": options.minutes}
    run = report.EvaluationRun(
        *(served, asking, sources, budget, place, tasks),
        examples=results.examples(tasks, events, with_texts=options.with_texts),
    )
    now = datetime.now(UTC).isoformat(timespec="seconds")
    content = report.document(run, results.records(tasks, events), now, audit_key())
    return REPORT.signature.signed(content, audit_key())


def access_of(options: Options, chosen: settings.LauncherSettings) -> Access:
    """Return keys, addresses and the end of the budget."""
    rest_s = FOREVER_S if options.minutes is None else options.minutes * 60
    judge_key = chosen.judge_api_key.get_secret_value() if chosen.judge_api_key else None
    return Access(options.url, options.key, audit_key(), judge_key, time.time() + rest_s)


def placed(data: Sequence[str]) -> dict[str, Path]:
    """Return the file of each set that is replaced. Raises LauncherError."""
    places = {}
    for pair in data:
        name, _, place = pair.partition("=")
        if not (name and place):
            raise LauncherError("--data takes SET=FILE, such as medqa=test.jsonl.")
        places[name] = suites.in_cache(place, settings.hub_cache())
    return places


class EvaluationProgress:
    """Shows how many items of all tasks are done."""

    def __init__(self, tasks: Sequence[Task], display: ProgressDisplay) -> None:
        self._display = display
        self._all = sum(len(task.items) for task in tasks)
        self._before = 0
        self._items = 0
        self._done = 0
        self._name = ""

    def __call__(self, event: Event) -> None:
        """Count an item, or a task that begins; items of an earlier run count with its end."""
        if event["event"] == "task":
            self._before += self._items
            self._name, self._items, self._done = event["name"], event["items"], 0
        elif event["event"] == "item":
            self._done += 1
        done = min(self._all, self._before + self._done)
        self._display.step(f"Asking {self._name}: {done} of {self._all}", done / self._all)


def compare(
    first: File,
    second: File,
    repeated: Repeated = None,
    margin: Margin = None,
    as_json: AsJson = False,
) -> None:
    """Compare two reports on the same items; exit code 1 if they are told apart, 3 if they cannot
    be told apart at this size, 0 if the second is shown to be within --margin of the first."""
    read = partial(REPORT.verified, or_unsigned=True)
    reports = read(first), read(second), read(repeated) if repeated else None
    try:
        comparison = comparing.compared(*reports)
    except (KeyError, TypeError, AttributeError):  # only an unsigned one comes so far
        raise comparing.NotComparable("One of the reports was edited by hand.") from None
    is_within = margin is not None and comparison.is_within(margin)
    document = {
        "is_told_apart": comparison.is_told_apart,
        "is_within_margin": is_within,
        "detectable": round(comparison.detectable, 4),
        "sentence": comparison.sentence,
        **asdict(comparison),
    }
    if as_json:
        sys.stdout.write(json.dumps(document, ensure_ascii=False) + "\n")
    else:
        sys.stdout.write("".join(f"{line}\n" for line in lines(comparison)))
    if comparison.is_told_apart:
        raise Different(comparison.sentence)
    if not is_within:
        raise CannotTell(comparison.sentence)
    if not as_json:
        sys.stdout.write(f"The second is at most {margin:.0%} of right answers worse.\n")


def lines(found: comparing.Comparison) -> Iterator[str]:
    """Describe a comparison for a person."""
    for contrast in found.contrasts:
        yield (
            f"{contrast.suite:<11} {contrast.n:>5} items; right in the first alone "
            f"{contrast.only_first}, in the second alone {contrast.only_second}; "
            f"McNemar p = {contrast.p:.2g}, Holm {contrast.p_adjusted:.2g}"
        )
    for name, share in (("same answers", found.same), ("with itself", found.baseline)):
        if share:
            interval = f"{share.value:.0%} ({share.low:.0%} to {share.high:.0%})"
            yield f"{name:<11} {share.n:>5} items; {interval}"
    if found.differs_in:
        yield f"The services differ in: {', '.join(found.differs_in)}."
    if found.unscored:
        yield f"Without a score in the second alone: items of {', '.join(found.unscored)}."
    if found.p_same is not None:
        yield f"same answers, second against repeated: McNemar p = {found.p_same:.2g}"


def verify(file: File, as_json: AsJson = False) -> None:
    """Verify that a report, or its page, is as it was written; exit code 1 if it is not."""
    put(*REPORT.verification(file), as_json=as_json)
