"""`mmhie fetch`: a model and its base from the model hub into its cache, whole and checked."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TransferSpeedColumn,
)

from gateway.cli.command import AsJson, put
from launcher.checkpoints import merging
from launcher.errors import LauncherError
from launcher.models import fetch_progress, fetching
from launcher.models.fetch_progress import Lines, Report
from launcher.models.fetching import Terms
from launcher.models.resolve import read_model
from launcher.settings import LauncherSettings, hub_cache, hub_silence_s, load

LINE_EVERY_S = 10.0

Name = Annotated[str | None, typer.Argument(help="Hub id; default: MMHIE_REASONER_MODEL.")]
Revision = Annotated[
    str | None, typer.Option(help="Commit, branch or tag; default: MMHIE_REASONER_REVISION.")
]
Update = Annotated[bool, typer.Option(help="Take the branch's newest commit.")]
Wait = Annotated[bool, typer.Option(help="Download nothing; wait until another process has.")]


def fetch(
    name: Name = None,
    revision: Revision = None,
    update: Update = False,
    wait: Wait = False,
    as_json: AsJson = False,
) -> None:
    """Download a model, with its base if it is an adapter; resume an interrupted download."""
    settings = load(os.environ)
    if name:
        chosen = {"reasoner_model": name, "reasoner_model_test_override": None}
        settings = settings.model_copy(update={**chosen, "reasoner_revision": revision})
    elif revision:
        settings = settings.model_copy(update={"reasoner_revision": revision})
    with reporter() as report:
        terms = Terms(hub_cache(), hub_silence_s(), report)
        if wait:
            fetching.wait_until_whole(settings, terms)
        fetched = fetching.fetch(settings, terms, update=update and not wait)
    document = {"folder": str(fetched.folder), "base": fetched.base}
    put(str(fetched.folder), document, as_json=as_json)
    if fetched.base:
        warn_of_merge(settings)


def warn_of_merge(settings: LauncherSettings) -> None:
    """Say that the merge which follows has no room; what else is wrong with it a plan says."""
    with suppress(LauncherError):
        if sentence := merging.lack_of_room(settings, read_model(settings)):
            sys.stderr.write(f"Warning: {sentence}\n")


@contextmanager
def reporter() -> Iterator[Report]:
    """Return what shows progress on standard error: a bar in bytes on a terminal, else lines."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield Lines(LINE_EVERY_S)
        return
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn())
    with Progress(*columns, TransferSpeedColumn(), console=console) as bar:
        tasks: dict[str, TaskID] = {}

        def report(progress: fetch_progress.Progress) -> None:
            if progress.task not in tasks:
                tasks[progress.task] = bar.add_task(progress.task, total=progress.total or None)
            bar.update(tasks[progress.task], completed=progress.done)

        yield report
