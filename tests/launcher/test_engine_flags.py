"""The flags of vLLM that the launcher knows, beside those that its parser has."""

import pytest

from launcher.engine_flags import (
    READ,
    RESERVED,
    SECOND_NAMES,
    check,
    is_on,
    number,
    values,
)
from launcher.models import parsers
from launcher.models.purpose import other_purpose
from launcher.planning.engine_command import REASONING_WORDS
from launcher.planning.weights import LORA_RANKS
from tests.launcher.conftest import VllmParser


@pytest.mark.slow
@pytest.mark.engine
def test_every_known_flag_is_one_of_vllms(vllm_parser: VllmParser) -> None:
    """A new version that renames one is noticed."""
    names = {name for action in vllm_parser.flags for name in action}

    assert {*RESERVED, *READ, *SECOND_NAMES} <= names


@pytest.mark.slow
@pytest.mark.engine
def test_a_reserved_flag_has_no_second_name_that_is_free(vllm_parser: VllmParser) -> None:
    """A flag that is switched off is another matter."""
    unknown = {
        name
        for action in vllm_parser.flags
        if any(flag in RESERVED for flag in action if not flag.startswith("--no-"))
        for name in action
        if not name.startswith("--no-") and name not in RESERVED
    }

    assert unknown == set()


@pytest.mark.slow
@pytest.mark.engine
def test_every_name_of_a_plan_is_one_of_vllms(vllm_parser: VllmParser) -> None:
    """Parsers and ranks of adapters; and no class that it generates text with is refused."""
    names = vllm_parser.names
    reasoning = {*parsers.REASONING.values(), *dict(parsers.REASONING_MARKS).values()}
    tools = {*parsers.TOOLS.values(), *dict(parsers.TOOL_MARKS).values()}

    assert reasoning | set(REASONING_WORDS) <= set(names["reasoning"])
    assert tools <= set(names["tools"])
    assert tuple(names["ranks"]) == LORA_RANKS
    assert len(names["chat"]) > 100
    assert not [name for name in names["chat"] if other_purpose({"architectures": [name]})]


@pytest.mark.parametrize(
    ("written", "found"),
    [
        (["--max-num-s", "8"], {"--max-num-seqs": "8"}),
        (["--max_num_seqs=8", "--max-num-seqs", "9"], {"--max-num-seqs": "9"}),
        (["--seed", "-1", "--enforce-eager"], {"--seed": "-1", "--enforce-eager": ""}),
        (["--enforce-eager", "--seed", "1"], {"--enforce-eager": "", "--seed": "1"}),
        (["-sc.model=x/y"], {"--speculative-config.model": "x/y"}),
        (["--", "-", "value"], {}),
    ],
)
def test_flags_are_read_as_vllm_does(written: list[str], found: dict[str, str]) -> None:
    """However they are written; the last one counts."""
    assert values(written) == found


@pytest.mark.parametrize("text", ["0", "1e3", "9" * 5000, "", "8k", "²", "-1"])
def test_a_number_that_a_plan_cannot_count_with(text: str) -> None:
    """It is refused in one sentence."""
    with pytest.raises(ValueError, match="no whole number in digits"):
        check([f"--max-num-seqs={text}"])
    assert number("--max-num-seqs", ["--max-num-seqs", "8"]) == 8


def test_a_switch() -> None:
    """The last word counts, and none leaves it to the plan."""
    assert is_on("--enforce-eager", ["--no-enforce-eager", "--enforce_eager"])
    assert is_on("--enforce-eager", ["--enforce-eager", "--no-enforce-eager"]) is False
    assert is_on("--enforce-eager", ["--seed", "1"]) is None
