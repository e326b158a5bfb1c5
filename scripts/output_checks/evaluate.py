"""`python -m scripts.output_checks.evaluate FOLDER`: write docs/records/output-checks.json.

FOLDER holds clones of aci-bench, MTS-Dialog and pubmedqa. Each pair of a record and a text about it
is checked as it is, and once more with one mistake in it. Precision is the share of damaged ones
among those that a check fires on; what it finds in an undamaged text counts against it, although
clinicians' notes hold facts that the dialogue does not.
"""

import json
import random
import sys
import time
from pathlib import Path
from typing import Any

from gateway.safety.output_checks.checks import CHECKS, checks_for
from gateway.settings.checks import OutputCheck
from scripts.output_checks.corpora import CORPORA, Pair, aci_bench_models
from scripts.output_checks.damage import DAMAGES

RECORD = Path(__file__).parents[2] / "docs" / "records" / "output-checks.json"
TASK = "Summarise this record as a clinical note.\n\n"


def fires(name: OutputCheck, pair: Pair) -> bool:
    return bool(checks_for((name,), [TASK + pair.record]).warnings(pair.text))


def measured(name: OutputCheck, pairs: list[Pair]) -> dict[str, Any]:
    """Return how often a check fires on damaged and on undamaged texts."""
    made = (DAMAGES[name](pair, random.Random(pair.name)) for pair in pairs)  # noqa: S311 - to repeat
    both = [pair for pair in made if pair is not None]
    wrong = sum(fires(name, clean) for clean, _ in both)
    right = sum(fires(name, damaged) for _, damaged in both)
    precision = right / (right + wrong) if right + wrong else None
    return {"texts": len(both), "found": right, "false": wrong, "precision": precision}


def costs(pairs: list[Pair]) -> dict[str, float]:
    """Return microseconds of the processor for record and answer, all checks on, and lengths."""
    reading, checking = 0.0, 0.0
    for pair in pairs:
        begun = time.process_time()
        checks = checks_for(tuple(CHECKS), [TASK + pair.record])
        read = time.process_time()
        checks.warnings(pair.text)
        reading, checking = reading + read - begun, checking + time.process_time() - read
    count = len(pairs)
    return {
        "record_us": round(reading / count * 1e6),
        "record_characters": round(sum(len(pair.record) for pair in pairs) / count),
        "answer_us": round(checking / count * 1e6),
        "answer_characters": round(sum(len(pair.text) for pair in pairs) / count),
    }


def main(folder: Path) -> None:
    corpora = {name: list(read(folder)) for name, read in CORPORA.items()}
    models = list(aci_bench_models(folder))
    record = {
        "damaged": {
            check: {name: measured(check, pairs) for name, pairs in corpora.items()}
            for check in CHECKS
        },
        "models": {
            "texts": len(models),
            "fires": {check: sum(fires(check, pair) for pair in models) for check in CHECKS},
        },
        "costs": costs(models),
    }
    RECORD.write_text(json.dumps(record, indent=1) + "\n")
    print(json.dumps(record, indent=1))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
