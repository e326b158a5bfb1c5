"""`mmhie merge-adapter`: the configured adapter folded into its base checkpoint."""

import os
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.command import AsJson, put
from launcher.checkpoints.merging import job_of
from launcher.cli.fetch import make_reporter
from launcher.models.fetch_progress import Progress
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
    task = f"Merging {work.adapter_id}"
    report = make_reporter()
    folder = merge(work, lambda done, total: report(Progress(task, done, total)))
    put(str(folder), {"folder": str(folder)}, as_json=as_json)
