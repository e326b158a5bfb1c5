"""Parse the vLLM flags in MMHIE_ENGINE_ARGS, in every spelling that vLLM's parser accepts."""

import reprlib
import tomllib
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Final

RESERVED: Final[Mapping[str, str]] = tomllib.loads(
    Path(__file__).with_name("reserved_flags.toml").read_text("utf-8")
)
# Flags that plans read: a beginning of one is one, too.
TOKENS: Final = "--max-num-batched-tokens"
SEQUENCES: Final = "--max-num-seqs"
EAGER: Final = "--enforce-eager"
READ: Final = (TOKENS, SEQUENCES, EAGER, "--scheduling-policy", "--trust-remote-code")
KNOWN: Final = (*RESERVED, *READ)
SECOND_NAMES: Final = {
    "-sc": "--speculative-config",
    "-dc": "--diffusion-config",  # no beginning of the reserved -dcp
}
SWITCHED_OFF: Final = "--no-"
DIGITS: Final = 9


def values(arguments: Sequence[str]) -> dict[str, str]:
    """Return each flag with its value, which may be empty; of repeated flags the last one wins.

    An entry of a flag's JSON has a name of its own, as `--speculative-config.model`.
    """
    by_flag: dict[str, str] = {}
    for part, following in zip_longest(arguments, arguments[1:], fillvalue=""):
        if _is_flag(part):
            flag, joined = _split_joined(part)
            by_flag.pop(flag, None)  # the order is that of the last ones
            by_flag[flag] = ("" if _is_flag(following) else following) if joined is None else joined
    return by_flag


def is_on(flag: str, arguments: Sequence[str]) -> bool | None:
    """Return True or False if the arguments set this flag, None if they do not."""
    ways = (flag, flag.replace("--", SWITCHED_OFF, 1))
    given = [name for name in values(arguments) if name in ways]
    return given[-1] == flag if given else None


def check(arguments: Sequence[str]) -> None:
    """Raise ValueError for a number that a plan could not count with."""
    number(TOKENS, arguments)
    number(SEQUENCES, arguments)


def number(flag: str, arguments: Sequence[str]) -> int | None:
    """Return the positive whole number of this flag. Raises ValueError for anything else."""
    written = values(arguments).get(flag)
    if written is None:
        return None
    if (
        not written.isdecimal()
        or not written.isascii()
        or len(written) > DIGITS
        or not int(written)
    ):
        raise ValueError(f"{flag} is {reprlib.repr(written)}, no whole number in digits")
    return int(written)


def _is_flag(part: str) -> bool:
    return part.startswith("-") and part not in ("-", "--") and not part[1].isdecimal()


def _split_joined(part: str) -> tuple[str, str | None]:
    """Split `--flag=value`, or `-q4` where `-q` is a flag, into flag and value."""
    written, joint, value = part.partition("=")
    if not part.startswith("--") and part[:2] in (*RESERVED, *SECOND_NAMES):
        return _full_name(part[:2]), part[2:].removeprefix("=") or None
    name, dot, entry = written.partition(".")
    return _full_name(name) + dot + entry, value if joint else None


def _full_name(written: str) -> str:
    """Return the flag's full name: vLLM also accepts underscores and unique prefixes."""
    name = written.replace("_", "-") if written.startswith("--") else written
    name = SECOND_NAMES.get(name, name)
    return name if name in KNOWN else next((flag for flag in KNOWN if flag.startswith(name)), name)
