"""Error codes from the tree in gateway/errors.py: the SDK's classes, a table of docs/limits.md."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from gateway.errors import GatewayError, RequestError
from scripts.render.page import ROOT, table

SDK: Final = ROOT / "sdk" / "mmhie"
IMPORTS: Final = re.compile(r"(from mmhie\._gateway_errors import \(\n)[^)]*")
NAMES: Final = re.compile(r"(__all__ = \[\n)[^\]]*")
HEAD: Final = ("status", "code", "exception of the SDK", "meaning")
# 429 and 503 say that nothing was done, so the SDK asks again; a hold is an operator's decision.
RETRIED: Final = frozenset({429, 503})
NOT_RETRIED: Final = frozenset({"held"})
# Parents in the SDK beside the family; 504 is a TimeoutError wherever it comes from.
PARENTS: Final = {"model_not_found": "NotFoundError"}
# What a caller can do, where the gateway's own sentence does not say it.
REMEDIES: Final = {
    "unauthorized": "Set MMHIE_API_KEY.",
    "not_found": "Check MMHIE_URL.",
    "no_answer": "A larger max_tokens may help.",
    "unsupported_encoding": "A proxy between client and server may compress it.",
    "headers_too_large": "A token or a cookie may be too long.",
}
MODULE: Final = '''\
"""Errors of the gateway, a class for each code. Generated (`make docs`) from gateway/errors.py."""

from mmhie._errors import RequestError, ServiceError
'''


def pages() -> dict[Path, str]:
    """Return the SDK's classes, and its list of names."""
    package = SDK / "__init__.py"
    return {SDK / "_gateway_errors.py": module(), package: _package(package.read_text())}


def leaves(family: type[GatewayError] = GatewayError) -> list[type[GatewayError]]:
    """Return every error that is raised, ordered by status."""
    return sorted(_leaves(family), key=lambda leaf: leaf.status)


def _leaves(family: type[GatewayError]) -> Iterator[type[GatewayError]]:
    own = [kind for kind in family.__subclasses__() if kind.__module__ == GatewayError.__module__]
    for child in own:
        yield from list(_leaves(child)) or [child]


def by_code() -> list[type[GatewayError]]:
    """Return the first leaf of each code; parents in the SDK come before their children."""
    first_of_code: dict[str, type[GatewayError]] = {}
    for leaf in leaves():
        first_of_code.setdefault(leaf.code, leaf)
    return sorted(first_of_code.values(), key=lambda leaf: (leaf.status, leaf.code in PARENTS))


def class_name(leaf: type[GatewayError]) -> str:
    """Return the name of the SDK's class."""
    return leaf.__name__.removesuffix("Error") + "Error"


def module() -> str:
    """Return the module of the SDK's classes."""
    return MODULE + "".join(_class(leaf) for leaf in by_code())


def _class(leaf: type[GatewayError]) -> str:
    family = "RequestError" if issubclass(leaf, RequestError) else "ServiceError"
    parents = [PARENTS.get(leaf.code, family), *(["TimeoutError"] if leaf.status == 504 else [])]
    keywords = f'status={leaf.status}, code="{leaf.code}"'
    is_retried = leaf.status in RETRIED and leaf.code not in NOT_RETRIED
    keywords += ", retryable=True" if is_retried else ""
    head = f"class {class_name(leaf)}({', '.join(parents)}, {keywords}):"
    if len(head) > 100:
        head = f"class {class_name(leaf)}(\n    {', '.join(parents)}, {keywords}\n):"
    doc = f"{meaning(leaf)} {REMEDIES.get(leaf.code, '')}".strip()
    if len(doc) > 90:
        doc = f"{meaning(leaf)}\n\n    {REMEDIES[leaf.code]}\n    "
    return f'\n\n{head}\n    """{doc}"""\n'


def meaning(leaf: type[GatewayError]) -> str:
    """Return the gateway's own sentence."""
    return (leaf.__doc__ or "").strip().partition("\n")[0]


def _row(leaf: type[GatewayError]) -> tuple[object, ...]:
    first = next(error for error in by_code() if error.code == leaf.code)
    text = f"{meaning(leaf)} {REMEDIES.get(leaf.code, '')}".strip()
    return leaf.status, f"`{leaf.code}`", f"`{class_name(first)}`", text


def _package(text: str) -> str:
    """Return the package's list of names, its errors of the gateway replaced by those of now."""
    classes = sorted({class_name(leaf) for leaf in by_code()}, key=str.lower)
    before = re.findall(r"\w+Error\b", (IMPORTS.search(text) or [""])[0])
    others = set(re.findall(r'"(\w+)"', (NAMES.search(text) or [""])[0])) - set(before)
    names = sorted(others.union(classes))
    text = IMPORTS.sub(lambda match: match[1] + "".join(f"    {n},\n" for n in classes), text)
    return NAMES.sub(lambda match: match[1] + "".join(f'    "{n}",\n' for n in names), text)


BLOCKS: Final = {"errors": lambda: table(HEAD, [_row(leaf) for leaf in leaves()])}
