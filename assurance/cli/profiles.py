"""`mmhie profiles`: combinations of model, card and version that passed an acceptance run."""

import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from assurance.acceptance import profiles as rows
from assurance.acceptance.page import REPORT
from assurance.acceptance.profiles import Profile
from assurance.cli.acceptance_report import File
from gateway.cli.command import AsJson, print_rows, put
from launcher import settings
from launcher.planning import hardware

NO_GPU = "No combination has been run on a GPU yet: every row is from a CPU engine."

All = Annotated[bool, typer.Option("--all", help="Also those that need other hardware than this.")]


def profiles(context: typer.Context, everything: All = False, as_json: AsJson = False) -> None:
    """List the known-good combinations of model, card and version for this machine."""
    if context.invoked_subcommand is not None:
        return
    known = rows.known(folder())
    machine = hardware.detect()
    shown = [row for row in known if everything or row.suits(machine)]
    notes = remarks(known, shown)
    if as_json:
        put("", {"profiles": [asdict(row) for row in shown], "notes": notes}, as_json=True)
        return
    if shown:
        print_rows([described(row) for row in shown], Console())
    sys.stdout.write("".join(f"{note}\n" for note in notes))


def remarks(known: list[Profile], shown: list[Profile]) -> list[str]:
    """Return what a reader has to know of the list."""
    notes = [] if any(row.cards for row in known) else [NO_GPU]
    hidden = len(known) - len(shown)
    return [*notes, f"{hidden} more need other hardware: --all lists them."] if hidden else notes


def described(row: Profile) -> dict[str, str]:
    """Return a row for a person; the figures are those of the most requests at once."""
    return {
        "model": f"{row.model} on {row.base}" if row.base else row.model,
        "hardware": row.hardware,
        "vLLM": row.engine_version,
        "settings": row.settings,
        "context": str(row.max_model_len),
        "at once": str(row.concurrency),
        "tokens/s": f"{row.tokens_s:.0f}",
        "TTFT": f"{row.ttft_p50_ms / 1000:.2f} s",
        "date": row.time[:10],
    }


def add(file: File, as_json: AsJson = False) -> None:
    """Add the combination of a signed report whose checks passed."""
    profile = rows.profile_of(REPORT.verified(file))
    path = rows.add(profile, folder())
    sentence = f"{profile.model} on {profile.hardware} is among the profiles now, as {path}."
    put(sentence, {"added": str(path), **asdict(profile)}, as_json=as_json)


def folder() -> Path:
    """Return the folder of the rows that were added here."""
    return settings.load(os.environ).cache_dir / "profiles"
