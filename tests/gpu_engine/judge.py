"""Ask the installed vLLM whether it takes command lines: `python judge.py CASES VERDICTS`.

Reads `[{"card": {...}, "lines": [[argument, ...], ...]}, ...]` and writes the verdicts in the same
order: the engine's own words of refusal, or what it made of the line. vLLM is imported once; each
card is a fork, since the platform remembers what it asked first.

vLLM looks at a model's class in a process of its own, which imports everything again; here it does
so in the fork.
"""

import json
import os
import sys
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import sitecustomize  # type: ignore[import-not-found] # of fakes/, on PYTHONPATH
from vllm.engine.arg_utils import AsyncEngineArgs
from vllm.entrypoints.launchers.cli_args import (
    make_arg_parser,
    validate_parsed_serve_args,
)
from vllm.model_executor.models import registry
from vllm.usage.usage_lib import UsageContext
from vllm.utils.argparse_utils import FlexibleArgumentParser

registry._run_in_subprocess = lambda fn: fn()


def judge(parser: FlexibleArgumentParser, line: list[str]) -> dict[str, Any]:
    """Parse and configure as `vllm serve` does before it starts anything."""
    try:
        arguments = parser.parse_args(line)
        arguments.model = arguments.model_tag or arguments.model  # as its `serve` does
        validate_parsed_serve_args(arguments)
        engine = AsyncEngineArgs.from_cli_args(arguments)
        config = engine.create_engine_config(UsageContext.OPENAI_API_SERVER)
    except (Exception, SystemExit) as refusal:  # whatever it is, it would have ended the start
        return {"refusal": f"{type(refusal).__name__}: {refusal}"}
    return {
        "refusal": None,
        "batched_tokens": config.scheduler_config.max_num_batched_tokens,
        "sequences": config.scheduler_config.max_num_seqs,
        "dtype": str(config.model_config.dtype).removeprefix("torch."),
        "max_model_len": config.model_config.max_model_len,
        "kv_cache_dtype": config.cache_config.cache_dtype,
        "has_prefix_cache": config.cache_config.enable_prefix_caching,
        "sizes": [
            config.parallel_config.tensor_parallel_size,
            config.parallel_config.pipeline_parallel_size,
            config.parallel_config.data_parallel_size,
        ],
    }


def judge_on(card: dict[str, Any], lines: list[list[str]]) -> Any:
    """The verdicts of a process that has this card, and so have its own children."""
    ours, theirs = get_context("fork").Pipe(duplex=False)

    def tell() -> None:
        sitecustomize.Card.use(card)
        parser = make_arg_parser(FlexibleArgumentParser())  # type: ignore[no-untyped-call] # vLLM's
        theirs.send([judge(parser, line) for line in lines])

    os.environ["MMHIE_FAKE_CARD"] = json.dumps(card)
    child = get_context("fork").Process(target=tell)
    child.start()
    theirs.close()
    verdicts = ours.recv()
    child.join()
    return verdicts


if __name__ == "__main__":
    asked, answers = map(Path, sys.argv[1:])
    cases = json.loads(asked.read_text())
    answers.write_text(json.dumps([judge_on(case["card"], case["lines"]) for case in cases]))
