"""Flags of vLLM in MMHIE_ENGINE_ARGS by their full names, however its parser takes them."""

import json
import re
import reprlib
import tomllib
from collections.abc import Mapping, Sequence
from itertools import takewhile, zip_longest
from pathlib import Path
from typing import Any, Final

RESERVED: Final[Mapping[str, str]] = tomllib.loads(
    Path(__file__).with_name("reserved_flags.toml").read_text("utf-8")
)
# What plans read, with its second names: a beginning of one of these is one as well.
SECOND_NAMES: Final = {
    "-sc": "--speculative-config",
    "-cc": "--compilation-config",
    "-O": "--optimization-level",
    "-dc": "--diffusion-config",  # no beginning of the reserved -dcp
}
COUNTED: Final[Mapping[str, str | list[str]]] = tomllib.loads(
    Path(__file__).with_name("counted_flags.toml").read_text("utf-8")
)
KNOWN: Final = (*RESERVED, *COUNTED)
SWITCHED_OFF: Final = "--no-"
LARGEST: Final = 2**31 - 1
SIZE: Final = re.compile(r"(\d+(?:\.\d+)?)([kmgtKMGT])")
SUFFIXES: Final = "kmgt"
EXAMPLES: Final = {
    "--speculative-config": '{"model": "...", "num_speculative_tokens": 3}',
    "--compilation-config": '{"cudagraph_mode": "NONE"}',
}


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
    """Return whether the arguments switch this flag on or off; None where they leave it alone."""
    ways = (flag, flag.replace("--", SWITCHED_OFF, 1))
    given = [name for name in values(arguments) if name in ways]
    return given[-1] == flag if given else None


def check(arguments: Sequence[str]) -> None:
    """Raise ValueError for a value that vLLM's parser refuses, of the flags that plans read."""
    for flag, written in values(arguments).items():
        if "." not in flag:
            is_list = COUNTED.get(flag) == "counts"
            _check(flag, several(flag, arguments) if is_list else written)
    for flag in EXAMPLES:
        for entry, value in entries(flag, arguments).items():
            _check(f"{flag}.{entry}", value)


def entries(flag: str, arguments: Sequence[str]) -> dict[str, Any]:
    """The entries of a flag's JSON, whether they are given together or by names of their own.

    Raises ValueError for what is no JSON object.
    """
    written, start = values(arguments), f"{flag}."
    together = _load(written[flag]) if flag in written else {}
    if not isinstance(together, dict):
        raise ValueError(
            f"{flag} is no JSON object: write it in single quotes, as {flag} '{EXAMPLES[flag]}'"
        )
    named = (name for name in written if name.startswith(start))
    all_of_them = together | {name.removeprefix(start): _load(written[name]) for name in named}
    return {name: value for name, value in all_of_them.items() if value is not None}


def several(flag: str, arguments: Sequence[str]) -> list[str]:
    """Every value of the last such flag, of those that take a list."""
    places = [
        at for at, part in enumerate(arguments) if _is_flag(part) and _parted(part)[0] == flag
    ]
    if not places:
        return []
    joined = _parted(arguments[places[-1]])[1]
    following = takewhile(lambda part: not _is_flag(part), arguments[places[-1] + 1 :])
    return [*following] if joined is None else [joined]


def count(flag: str, written: object) -> int:
    """A positive whole number; ValueError for what vLLM takes for none."""
    try:
        number = int(str(written))
    except ValueError:
        number = 0
    if not 1 <= number <= LARGEST:
        raise ValueError(f"{flag} is {reprlib.repr(written)}, no positive whole number")
    return number


def size(flag: str, written: str) -> int:
    """The same, perhaps with a suffix: as vLLM does, 8k are 8,000 and 8K 8,192."""
    match = SIZE.fullmatch(written)
    if match is None:
        return count(flag, written)
    number, suffix = match.groups()
    power = SUFFIXES.index(suffix.lower()) + 1
    if suffix.isupper():
        return count(flag, count(flag, number) * 1024**power)
    return count(flag, f"{float(number) * 1000**power:.0f}")


def _load(written: str) -> object:
    """JSON where it is some, as vLLM's parser takes an entry; else the text."""
    try:
        value: object = json.loads(written)
    except (ValueError, RecursionError):
        return written
    return value


def _check(flag: str, written: object) -> None:
    kind = COUNTED.get(flag)
    if kind == "count":
        count(flag, written)
    elif kind == "counts":
        for number in written if isinstance(written, list) and written else [written]:
            count(flag, number)
    elif kind == "size":
        size(flag, str(written))
    elif isinstance(kind, list):
        word = str(written)
        if flag == "--moe-backend":  # its words may have capitals and hyphens
            word = word.lower().replace("-", "_")
        if word not in kind:
            raise ValueError(f"{flag} is {reprlib.repr(written)}, none of {', '.join(kind)}")


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
