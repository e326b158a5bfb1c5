"""The flags of vLLM that the launcher knows, beside those that its parser has."""

import json
import subprocess
import sys

import pytest

from launcher.engine_flags import COUNTED, RESERVED, SECOND_NAMES, is_on, values

NAMES = """
import json, sys
from vllm.entrypoints.launchers.cli_args import make_arg_parser
from vllm.utils.argparse_utils import FlexibleArgumentParser
answer, sys.stdout = sys.stdout, sys.stderr
actions = make_arg_parser(FlexibleArgumentParser())._actions
json.dump([action.option_strings for action in actions if action.option_strings], answer)
"""


@pytest.fixture(scope="module")
def flags() -> list[list[str]]:
    """Every flag of the installed vLLM, with its other names."""
    done = subprocess.run(
        [sys.executable, "-c", NAMES], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    names: list[list[str]] = json.loads(done.stdout)
    return names


@pytest.mark.slow
@pytest.mark.engine
def test_every_known_flag_is_one_of_vllms(flags: list[list[str]]) -> None:
    """A new version that renames one is noticed; -O is taken before the parser sees it."""
    names = {name for action in flags for name in action}

    assert {*RESERVED, *COUNTED, *SECOND_NAMES} - names == {"-O"}


@pytest.mark.slow
@pytest.mark.engine
def test_a_reserved_flag_has_no_second_name_that_is_free(flags: list[list[str]]) -> None:
    """A flag that is switched off is another matter."""
    unknown = {
        name
        for action in flags
        if any(flag in RESERVED for flag in action if not flag.startswith("--no-"))
        for name in action
        if not name.startswith("--no-") and name not in RESERVED
    }

    assert unknown == set()


@pytest.mark.slow
@pytest.mark.engine
def test_no_other_flag_is_taken_for_a_known_one(flags: list[list[str]]) -> None:
    """What begins alike is told apart."""
    names = [name for action in flags for name in action if name not in SECOND_NAMES]

    assert [name for name in names if [*values([name])] != [name]] == []


@pytest.mark.parametrize(
    ("written", "found"),
    [
        (["--max-num-s", "8"], {"--max-num-seqs": "8"}),
        (["--max_num_seqs=8", "--max-num-seqs", "9"], {"--max-num-seqs": "9"}),
        (["--seed", "-1", "--enforce-eager"], {"--seed": "-1", "--enforce-eager": ""}),
        (["--enforce-eager", "--seed", "1"], {"--enforce-eager": "", "--seed": "1"}),
        (["-O0"], {"--optimization-level": "0"}),
        (["-O=0"], {"--optimization-level": "0"}),
        (["-O", "0"], {"--optimization-level": "0"}),
        (["-sc.model=x/y"], {"--speculative-config.model": "x/y"}),
        (["--", "-", "value"], {}),
    ],
)
def test_flags_are_read_as_vllm_does(written: list[str], found: dict[str, str]) -> None:
    """However they are written; the last one counts."""
    assert values(written) == found


@pytest.mark.parametrize(
    ("written", "is_eager"),
    [
        ("--enforce-eager", True),
        ("--no-enforce-eager", False),
        ("--enforce_eager --no-enforce-eager", False),
        ("--enforce-eager --no-enforce-eager --enforce-eager", True),
        ("--seed 1", None),
    ],
)
def test_a_flag_is_switched_on_and_off(written: str, is_eager: bool | None) -> None:
    """The last word counts, and none leaves it to the plan."""
    assert is_on("--enforce-eager", written.split()) is is_eager
