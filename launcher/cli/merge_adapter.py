"""`mmhie merge-adapter`: the configured adapter folded into its base checkpoint."""

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from gateway.cli.command import AsJson, put
from launcher.checkpoints.merging import job_of
from launcher.models.resolve import read_model
from launcher.settings import load

Out = Annotated[Path | None, typer.Option(help="Output folder; default: one in MMHIE_CACHE_DIR.")]
Dequantize = Annotated[
    bool, typer.Option(help="Unpack MXFP4 experts to bfloat16, for CPUs without AMX.")
]


def merge_adapter(out: Out = None, dequantize: Dequantize = False, as_json: AsJson = False) -> None:
    """Merge MMHIE_REASONER_MODEL (a LoRA adapter) into its base; MXFP4 experts are unchanged."""
    # numpy comes with the engine; the other commands run without it.
    from launcher.checkpoints.adapter import merge

    settings = load(os.environ)
    work = job_of(settings, read_model(settings), dequantize=dequantize, out=out)
    with bar() as progress:
        task = progress.add_task(f"Merging {work.adapter_id}", total=None)
        folder = merge(work, lambda done, total: progress.update(task, completed=done, total=total))
    put(str(folder), {"folder": str(folder)}, as_json=as_json)


def bar() -> Progress:
    """On standard error, so that standard output is the folder's path alone."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    return Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True))
