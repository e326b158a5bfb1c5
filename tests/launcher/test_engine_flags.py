"""The flags of vLLM that the launcher knows, beside those that its parser has."""

import pytest

from launcher.engine_flags import (
    READ,
    RESERVED,
    SECOND_NAMES,
    check,
    count,
    is_on,
    is_speculative,
    size,
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


@pytest.mark.parametrize(
    "written",
    [
        "--max-num-seqs 0",
        "--max-num-seqs 1e3",
        f"--max-num-seqs {'9' * 5000}",
        "--max-num-seqs",
        "--max-num-batched-tokens 1.5K",
        f"--max-num-batched-tokens {'9' * 400}k",
    ],
)
def test_a_value_that_vllm_refuses(written: str) -> None:
    """It is refused here too, in one sentence."""
    with pytest.raises(ValueError, match="no positive whole number"):
        check(written.split())


def test_what_a_flag_says() -> None:
    """Sizes have suffixes, as vLLM's parser takes them: 8k are 8,000, 8K 8,192. Of a switch the
    last word counts, and none leaves it to the plan."""
    assert count("--max-num-seqs", "8") == 8
    assert [size("", text) for text in ("8", "25.6k", "2K", "1M")] == [8, 25600, 2048, 1024**2]
    assert is_on("--enforce-eager", ["--no-enforce-eager", "--enforce_eager"])
    assert is_on("--enforce-eager", ["--enforce-eager", "--no-enforce-eager"]) is False
    assert is_on("--enforce-eager", ["--seed", "1"]) is None


@pytest.mark.parametrize(
    "written", ["-sc.model=x/y", "--spec-method ngram", "--speculative_config {}"]
)
def test_speculative_decoding_is_noticed(written: str) -> None:
    """Whichever way vLLM's flag is written."""
    assert is_speculative(written.split())
    assert not is_speculative(["--seed", "1"])
