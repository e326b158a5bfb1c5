"""SmolLM2 in 4 bits, as GPTQ and AWQ checkpoints, made by auto-round without calibration data.

`python -m tests.models.quantized FOLDER CHECKPOINT FORMAT` rounds to the nearest value.
"""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Literal

from tests.models import cache, smollm2

Method = Literal["gptq", "awq"]
TOOL = Path(sys.executable).with_name("auto-round")
OPTIONS = (
    *("--bits", "4", "--group_size", "64", "--iters", "0", "--disable_opt_rtn"),
    *("--device", "cpu"),
)


def model(method: Method) -> Path:
    """The model's folder, built if need be."""
    checkpoint = str(smollm2.model())
    return cache.built(
        f"smollm2-{method}", "smollm2", arguments=(checkpoint, method), program="quantized"
    )


def main(folder: Path, checkpoint: str, method: str) -> None:
    """The tool names a folder of its own below; its files move up."""
    below = folder / "below"
    command = [str(TOOL), "--model", checkpoint, *OPTIONS, "--format", f"auto_{method}"]
    subprocess.run([*command, "--output_dir", below], check=True)
    (made,) = {file.parent for file in below.rglob("config.json")}
    for file in made.iterdir():
        shutil.move(file, folder / file.name)
    shutil.rmtree(below)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
