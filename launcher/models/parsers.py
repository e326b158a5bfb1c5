"""vLLM's parsers of a model's thoughts and tool calls, by its type or by its chat template."""

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

_TABLE = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))
ALWAYS: Final = frozenset(_TABLE["reasoning"]["always"])
REASONING: Final[Mapping[str, str]] = _TABLE["reasoning"]["parsers"]
TOOLS: Final[Mapping[str, str]] = _TABLE["tools"]["parsers"]
# Words of a chat template in which a model's thoughts have their place.
THOUGHTS: Final = ("think", "THINK", "reasoning", "thought", "channel")
# Marks in the template of a family that has no parser of its own; the first that is there counts.
REASONING_MARKS: Final = (("<think>", "deepseek_r1"),)
TOOL_MARKS: Final = (
    ("<arg_key>", "glm45"),
    ("<function=", "qwen3_coder"),
    ("<tool_call>", "hermes"),
    ("<|python_tag|>", "llama3_json"),
    ("[TOOL_CALLS]", "mistral"),
    ("<\uff5ctool\u2581calls\u2581begin\uff5c>", "deepseek_v3"),
)


def reasoning_parser(types: Sequence[str], template: str) -> str | None:
    """The parser of a model's thoughts; None for one that does not think before it answers."""
    if "gpt_oss" in types:
        return "openai_gptoss"
    thinks = any(word in template for word in THOUGHTS)
    able = [name for name in types if thinks or (not template and name in ALWAYS)]
    return _choose(able, REASONING, template, REASONING_MARKS)


def tool_parser(types: Sequence[str], template: str) -> str | None:
    """The parser of a model's calls of tools; None for one whose chat template has no tools."""
    if "gpt_oss" in types:
        return "openai"
    able = types if "tool" in template else ()
    return _choose(able, TOOLS, template, TOOL_MARKS)


def _choose(
    types: Sequence[str],
    families: Mapping[str, str],
    template: str,
    marks: Sequence[tuple[str, str]],
) -> str | None:
    by_family = [families[name] for name in types if name in families]
    by_mark = [parser for mark, parser in marks if mark in template]
    return next(iter([*by_family, *by_mark]), None)
