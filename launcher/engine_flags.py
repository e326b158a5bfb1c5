"""Flags of vLLM in MMHIE_ENGINE_ARGS by their full names, however its parser takes them."""

import tomllib
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Final

RESERVED: Final[Mapping[str, str]] = tomllib.loads(
    Path(__file__).with_name("reserved_flags.toml").read_text("utf-8")
)
# What plans read, with its second names: a beginning of one of these is one as well.
SECOND_NAMES: Final = {
    "-sc": "--speculative-config",
    "-O": "--optimization-level",
    "-dc": "--diffusion-config",  # no beginning of the reserved -dcp
}
COUNTED: Final = (
    *SECOND_NAMES.values(),
    "--async-scheduling",
    "--enable-prefix-caching",
    "--enforce-eager",
    "--max-cudagraph-capture-size",
    "--max-num-batched-tokens",
    "--max-num-seqs",
    "--moe-backend",
    "--performance-mode",
    "--safetensors-load-strategy",
    "--scheduling-policy",
    "--spec-method",
    "--spec-model",
    "--spec-tokens",
    "--stream-interval",
    "--trust-remote-code",
)
KNOWN: Final = (*RESERVED, *COUNTED)
SWITCHED_OFF: Final = "--no-"


def values(arguments: Sequence[str]) -> dict[str, str]:
    """Each flag with its value, which may be empty; the last of equal ones counts.

    An entry of a flag's JSON has a name of its own, as `--speculative-config.model`.
    """
    by_flag: dict[str, str] = {}
    for part, following in zip_longest(arguments, arguments[1:], fillvalue=""):
        if _is_flag(part):
            flag, joined = _parted(part)
            by_flag.pop(flag, None)  # the order is that of the last ones
            by_flag[flag] = ("" if _is_flag(following) else following) if joined is None else joined
    return by_flag


def is_on(flag: str, arguments: Sequence[str]) -> bool | None:
    """Whether the arguments switch this flag on or off; None where they leave it alone."""
    ways = (flag, flag.replace("--", SWITCHED_OFF, 1))
    given = [name for name in values(arguments) if name in ways]
    return given[-1] == flag if given else None


def _is_flag(part: str) -> bool:
    return part.startswith("-") and part not in ("-", "--") and not part[1].isdecimal()


def _parted(part: str) -> tuple[str, str | None]:
    """The flag, and what is joined to it: `--flag=value`, and `-q4` where `-q` is one."""
    written, joint, value = part.partition("=")
    if not part.startswith("--") and part[:2] in (*RESERVED, *SECOND_NAMES):
        return _full_name(part[:2]), part[2:].removeprefix("=") or None
    name, dot, entry = written.partition(".")
    return _full_name(name) + dot + entry, value if joint else None


def _full_name(written: str) -> str:
    """vLLM also takes underscores and unambiguous beginnings."""
    name = written.replace("_", "-") if written.startswith("--") else written
    name = SECOND_NAMES.get(name, name)
    return name if name in KNOWN else next((flag for flag in KNOWN if flag.startswith(name)), name)
