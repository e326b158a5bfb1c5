"""The installed vLLM's own judgement of a planned engine, before it loads any weights.

`python -m launcher.serving.engine_judge NAME REVISION WORD ...` has vLLM build its configuration
from these words of a command line. A model that is not here yet is judged by its description at the
hub; NAME is empty for one that is. Exit code 0: vLLM takes it. REFUSED: its reason is on standard
error. Any other: no verdict, and the engine itself will decide.
"""

import asyncio
import os
import sys
import traceback
from collections.abc import Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeVar

from launcher import engine_flags
from launcher.errors import PlanError
from launcher.models import hub_client
from launcher.planning.engine_command import flags
from launcher.planning.plan import EnginePlan
from launcher.process.child import Child, Command
from launcher.serving import environment, refusals, startup_log

TRUST: Final = "--trust-remote-code"
REFUSED: Final = 3
# vLLM's refusals. Others are a network, a disk, or a vLLM whose modules have other names.
REFUSALS: Final = (NotImplementedError, RuntimeError, SystemExit, TypeError, ValueError)
NOT_SEEN: Final = "failed to be inspected"  # its own child was killed, as without memory
NICENESS: Final = 10  # whatever is fetched or made beside it comes first
STOP_S: Final = 1.0
Result = TypeVar("Result")


async def beside(
    work: Coroutine[None, None, Result], plans: Sequence[EnginePlan], environ: Mapping[str, str]
) -> Result:
    """Return the result of the work; raise PlanError if vLLM refuses the plan meanwhile.

    Work that ends first is not delayed: the engine then says the same itself.
    """
    working = asyncio.create_task(work)
    judging = asyncio.create_task(find_refusal(plans, environ))
    try:
        await asyncio.wait({working, judging}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done() and (sentence := judging.result()):
            raise PlanError(sentence)
        return await working
    finally:
        working.cancel()
        judging.cancel()
        await asyncio.gather(working, judging, return_exceptions=True)


async def find_refusal(plans: Sequence[EnginePlan], environ: Mapping[str, str]) -> str | None:
    """Return vLLM's refusal of the first plan, with a remedy. None: vLLM takes it, or there is no
    verdict."""
    if not plans or not is_judged(plans[0]):
        return None
    env = environment.for_engine(environ, plans[0].env, key="")
    module = (sys.executable, "-m", "launcher.serving.engine_judge")
    try:
        child = Child(Command((*module, *words(plans[0])), env))
    except OSError:  # no room for another process: no verdict, and the work goes on
        return None
    try:
        status = await child.wait()
    finally:
        await child.stop(STOP_S)
    cause = startup_log.root_cause(tuple(child.last_lines)) if status == REFUSED else None
    return refusals.refusal(cause) if cause else None


def is_judged(plan: EnginePlan) -> bool:
    """Return whether the engine's configuration can be read before its checkpoint is made: merging
    leaves it as it is, and a model's own code is not fetched for a judgement."""
    is_made_anew = plan.quantization.dequantize or plan.preparation == "embedded"
    return not is_made_anew and not engine_flags.is_on(TRUST, plan.settings.engine_args)


def words(plan: EnginePlan) -> tuple[str, ...]:
    """Return the name and revision of a description to fetch, and the engine's words."""
    model = plan.model
    name = "" if model.local else model.source
    return (name, model.revision or "", *engine_words(plan, model.source))


def engine_words(plan: EnginePlan, source: str | Path) -> tuple[str, ...]:
    """Return the engine's command line, with this model."""
    return ("--model", str(source), *flags(plan))


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


def main(name: str, revision: str, *given: str) -> int:
    """Return the exit code."""
    os.nice(NICENESS)
    if not name:
        return REFUSED if refuses(given) else 0
    with hub_client.description(hub_client.listing(name, revision or None)) as folder:
        return REFUSED if refuses(["--model", str(folder), *given[2:]]) else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
