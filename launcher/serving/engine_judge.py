"""The installed vLLM's own judgement of a planned engine, before it loads any weights.

`python -m launcher.serving.engine_judge QUESTION` has vLLM build its configuration from words of a
command line; the question is a JSON object. Exit code 0: vLLM takes it. REFUSED: its reason is on
standard error. Any other: no verdict, and the engine itself will decide.
"""

import asyncio
import contextlib
import json
import os
import sys
import traceback
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Final, TypeVar

from launcher import engine_flags
from launcher.errors import ModelError, PlanError
from launcher.models import hub_client
from launcher.planning.engine_command import flags
from launcher.planning.plan import EnginePlan
from launcher.process.child import Command, run_to_end
from launcher.serving import environment, failures, startup_log

TRUST: Final = "--trust-remote-code"
REFUSED: Final = 3
# vLLM's refusals. Others are a network, a disk, or a vLLM whose modules have other names.
REFUSALS: Final = (NotImplementedError, RuntimeError, SystemExit, TypeError, ValueError)
NOT_SEEN: Final = "failed to be inspected"  # its own child was killed, as without memory
NICENESS: Final = 10  # whatever is fetched or made beside it comes first
STOP_S: Final = 1.0
SAMPLE: Final = "A 54-year-old with chest pain."
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Question:
    """Words of the engine's command line, and the folder of a vocabulary to load before.

    A model that is not here yet is judged by its description at the hub. gpt-oss has a second
    vocabulary, for its message format.
    """

    words: Sequence[str]
    hub_id: str = ""
    revision: str | None = None
    vocabulary: str = ""
    has_harmony: bool = False


async def beside(
    work: Coroutine[None, None, Result], plan: EnginePlan, environ: Mapping[str, str]
) -> Result:
    """Return the result of the work; raise PlanError if vLLM refuses the plan meanwhile.

    Work that ends first is not delayed: the engine then says the same itself.
    """
    working = asyncio.create_task(work)
    judging = asyncio.create_task(judge(plan, environ))
    try:
        await asyncio.wait({working, judging}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            with contextlib.suppress(OSError):  # no room for another process: no verdict
                await judging
        return await working
    finally:
        working.cancel()
        judging.cancel()
        await asyncio.gather(working, judging, return_exceptions=True)


async def judge(plan: EnginePlan, environ: Mapping[str, str], vocabulary: str = "") -> None:
    """Raise PlanError if vLLM refuses the plan, with a remedy; ModelError if the vocabulary in this
    folder does not load in the engine's environment. There may be no verdict."""
    words = engine_words(plan) if is_judged(plan) else ()
    model, hub_id = plan.model, "" if vocabulary or plan.model.local else plan.model.source
    question = Question(words, hub_id, model.revision, vocabulary, model.is_gpt_oss)
    if not words and not vocabulary:
        return
    status, cause = await ask(question, plan, environ)
    if status == REFUSED:
        raise PlanError(failures.refusal(cause))
    if status and vocabulary:
        raise ModelError(f"The vocabulary does not load: {cause.rstrip('.')}.")


async def ask(question: Question, plan: EnginePlan, environ: Mapping[str, str]) -> tuple[int, str]:
    """Return the exit code of a child with the engine's environment, and why it ended."""
    argv = (sys.executable, "-m", "launcher.serving.engine_judge", json.dumps(asdict(question)))
    command = Command(argv, environment.for_engine(environ, plan.env, key=""))
    status, lines = await run_to_end(command, STOP_S)
    return status, startup_log.root_cause(lines) or (lines or ("it ended without a word",))[-1]


def is_judged(plan: EnginePlan) -> bool:
    """Return whether the engine's configuration can be read before its checkpoint is made: merging
    leaves it as it is, and a model's own code is not fetched for a judgement."""
    is_made_anew = plan.quantization.dequantize or plan.preparation == "embedded"
    return not is_made_anew and not engine_flags.is_on(TRUST, plan.settings.engine_args)


def engine_words(plan: EnginePlan) -> tuple[str, ...]:
    """Return the engine's command line, without the program."""
    return ("--model", plan.model.source, *flags(plan))


def build(given: Sequence[str]) -> None:
    """Have vLLM build its configuration, as `vllm serve` does first; raise what it raises."""
    from vllm.engine.arg_utils import AsyncEngineArgs
    from vllm.entrypoints.launchers.cli_args import make_arg_parser, validate_parsed_serve_args
    from vllm.utils.argparse_utils import FlexibleArgumentParser

    parser = make_arg_parser(FlexibleArgumentParser())  # type: ignore[no-untyped-call]  # vLLM's
    arguments = parser.parse_args(list(given))
    validate_parsed_serve_args(arguments)
    AsyncEngineArgs.from_cli_args(arguments).create_engine_config()


def refuses(given: Sequence[str]) -> bool:
    """Return whether vLLM refuses these words; its reason goes to standard error."""
    try:
        build(given)
    except REFUSALS as refusal:
        if NOT_SEEN in str(refusal):
            raise
        if not isinstance(refusal, SystemExit):  # its parser has written by itself
            traceback.print_exception(refusal, limit=0, chain=False)
        return True
    return False


def load_vocabulary(folder: str, *, has_harmony: bool) -> None:
    """Load the vocabulary as the engine would; it must turn a sentence into tokens and back."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    if "chest pain" not in tokenizer.decode(tokenizer.encode(SAMPLE)):
        raise ValueError("a sentence did not survive being turned into tokens and back")
    if has_harmony:
        from openai_harmony import HarmonyEncodingName, load_harmony_encoding

        load_harmony_encoding(HarmonyEncodingName.HARMONY_GPT_OSS).encode(SAMPLE)


def main(question: Question) -> int:
    """Return the exit code."""
    os.nice(NICENESS)
    if question.vocabulary:
        load_vocabulary(question.vocabulary, has_harmony=question.has_harmony)
    if not question.words:
        return 0
    if not question.hub_id:
        return REFUSED if refuses(question.words) else 0
    with hub_client.description(hub_client.listing(question.hub_id, question.revision)) as folder:
        return REFUSED if refuses(["--model", str(folder), *question.words[2:]]) else 0


if __name__ == "__main__":
    sys.exit(main(Question(**json.loads(sys.argv[1]))))
