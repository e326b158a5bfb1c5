"""Run a job: `program.main()` with the job's file; progress and records leave as JSON lines."""

import json
import math
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from inspect_ai import eval_set
from inspect_ai.hooks import Hooks, SampleEnd, hooks
from inspect_ai.log import EvalSample, read_eval_log

from assurance.evaluation.runner.model import SERVICE
from assurance.evaluation.runner.tasks import task_of
from launcher.json_types import Json

EXCERPT = 1000  # characters of an answer, for the report's examples
MOST_ERRORS = 10  # items that fail before the service is not asked any more


def emit(**found: Any) -> None:
    """Write one line to the parent, which what a library has printed before must not begin."""
    sys.stdout.write(f"\n{json.dumps(found)}\n")
    sys.stdout.flush()


@hooks(name="progress", description="Tell the parent of every item that is done.")
class ProgressHooks(Hooks):  # type: ignore[misc]  # Inspect is not installed here
    """One line for each item."""

    async def on_sample_end(self, data: SampleEnd) -> None:
        """Report an item."""
        emit(event="item")


def main(file: str) -> None:
    """Run every task that is not finished yet, then report all of them."""
    job = json.loads(Path(file).read_text())
    folder = Path(file).parent
    for task in job["tasks"]:
        emit(event="task", name=task["name"], items=len(task["items"]))
        if time.time() > float(os.environ["MMHIE_DEADLINE"]):
            break
        if not run(job, task, folder / task["name"]) and failed(folder / task["name"]):
            break
    for task in job["tasks"]:
        for record in records(folder / task["name"]):
            emit(event="record", task=task["name"], **record)
    emit(event="end")


def run(job: Json, task: Json, folder: Path) -> bool:
    """Run one task, or what is left of it; return whether it is whole."""
    is_whole, _ = eval_set(
        task_of(job, task),
        log_dir=str(folder),
        model=f"{SERVICE}/{job['model']}",
        model_args={"effort": job["effort"]},
        max_connections=task["connections"],
        max_samples=task["connections"],
        retry_attempts=0,
        retry_immediate=False,
        fail_on_error=MOST_ERRORS,
        score_display=False,
        display="none",
        log_level="error",
        log_buffer=1,
        ctl_server=False,
    )
    return bool(is_whole)


def logs(folder: Path) -> list[Path]:
    """Return a task's logs, the last one last."""
    return sorted(folder.glob("*.eval"))


def failed(folder: Path) -> bool:
    """Return whether so many items failed that the service is at fault."""
    logged = logs(folder)
    return bool(logged) and read_eval_log(str(logged[-1]), header_only=True).status == "error"


def records(folder: Path) -> Iterator[Json]:
    """Yield the outcome of each item."""
    if logged := logs(folder):
        for sample in read_eval_log(str(logged[-1])).samples or ():
            yield record(sample)


def record(sample: EvalSample) -> Json:
    """Return the outcome of one item; one that failed has no score."""
    score = next(iter((sample.scores or {}).values()), None)
    if sample.error is not None or score is None:
        return {"id": sample.id, "value": None, "reason": "failed"}
    more = score.metadata or {}
    value = score.value if isinstance(score.value, int | float) else math.nan
    return {
        "id": sample.id,
        "value": None if math.isnan(value) else float(value),  # NaN: unscored
        "reason": more["reason"],
        "answer": score.answer,
        "digest": more["digest"],
        "text": sample.output.completion[:EXCERPT],
    }
