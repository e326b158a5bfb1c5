"""Parse the vLLM flags in MMHIE_ENGINE_ARGS, in every spelling that vLLM's parser accepts."""

import re
import reprlib
import tomllib
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Final

RESERVED: Final[Mapping[str, str]] = tomllib.loads(
    Path(__file__).with_name("reserved_flags.toml").read_text("utf-8")
)
# Whole numbers that plans count with, and all flags that they read: a beginning of one is one, too.
COUNTED: Final = ("--max-num-batched-tokens", "--max-num-seqs")
READ: Final = (
    *COUNTED,
    "--enforce-eager",
    "--performance-mode",
    "--scheduling-policy",
    "--speculative-config",
    "--trust-remote-code",
)
KNOWN: Final = (*RESERVED, *READ)
SECOND_NAMES: Final = {
    "-sc": "--speculative-config",
    "-dc": "--diffusion-config",  # no beginning of the reserved -dcp
}
SWITCHED_OFF: Final = "--no-"
LARGEST: Final = 2**31 - 1
SIZE: Final = re.compile(r"(\d+(?:\.\d+)?)([kmgtKMGT])")
SUFFIXES: Final = "kmgt"


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


def is_speculative(arguments: Sequence[str]) -> bool:
    """Return whether the arguments ask for speculative decoding."""
    return any(flag.startswith("--spec") for flag in values(arguments))


def check(arguments: Sequence[str]) -> None:
    """Raise ValueError for a number that vLLM's parser refuses, among the flags that plans use."""
    written = values(arguments)
    for flag in COUNTED:
        if flag in written:
            size(flag, written[flag])


def count(flag: str, written: object) -> int:
    """Parse a positive whole number; raises ValueError."""
    try:
        number = int(str(written))
    except ValueError:
        number = 0
    if not 1 <= number <= LARGEST:
        raise ValueError(f"{flag} is {reprlib.repr(written)}, no positive whole number")
    return number


def size(flag: str, written: str) -> int:
    """Parse a positive whole number with a suffix: in vLLM, 8k is 8,000 and 8K is 8,192."""
    match = SIZE.fullmatch(written)
    if match is None:
        return count(flag, written)
    number, suffix = match.groups()
    power = SUFFIXES.index(suffix.lower()) + 1
    if suffix.isupper():
        return count(flag, count(flag, number) * 1024**power)
    return count(flag, f"{float(number) * 1000**power:.0f}")


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
