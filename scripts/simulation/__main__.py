"""`python -m scripts.simulation [measure URL]`: run the experiments of docs/capacity.md.

Without arguments: everything simulated, in docs/records and docs/images (two minutes).
`measure URL`: the two-engine run anew, on a running `mmhie serve --engines 2` at that URL.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

from scripts.simulation.calibration import two_engines
from scripts.simulation.experiments import EXPERIMENTS
from scripts.simulation.measurement import measured

DOCS = Path(__file__).parents[2] / "docs"
RECORDS = DOCS / "records"
SIMULATED = RECORDS / "capacity-simulation.json"
MEASURED = RECORDS / "capacity-two-engines.json"


def rounded(record: Any) -> Any:
    """Round to five significant digits; NaN and infinity become null."""
    return json.loads(
        json.dumps(record),
        parse_float=lambda text: float(f"{float(text):.5g}"),
        parse_constant=lambda _: None,
    )


def write(path: Path, record: Any) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(rounded(record), separators=(",", ":")) + "\n")
    print(f"==> {path.relative_to(DOCS.parent)}")


def simulate() -> None:
    """Run every experiment; write its record and its figure."""
    from scripts.simulation import plots  # takes a second, for which every reader would wait

    record: dict[str, Any] = {}
    for name, experiment in EXPERIMENTS.items():
        began = time.perf_counter()
        record[name] = experiment()
        print(f"==> {name}: {time.perf_counter() - began:.0f} s", flush=True)
    write(SIMULATED, record)
    images = DOCS / "images"
    plots.two_engines(two_engines(json.loads(MEASURED.read_text())), images / "capacity-two.png")
    plots.policies(record["policies"], images / "capacity-policies.png")
    plots.rack([record["small_rack"], record["large_rack"]], images / "capacity-rack.png")


def main(arguments: list[str]) -> int:
    if len(arguments) == 2 and arguments[0] == "measure":
        write(MEASURED, asyncio.run(measured(arguments[1])))
    elif arguments:
        print(__doc__, file=sys.stderr)
        return 2
    else:
        simulate()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
