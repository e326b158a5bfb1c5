"""Words that tell a reader nothing, found in Python sources: one name for each kind of finding."""

import ast
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
FOLDERS: Final = ("assurance", "gateway", "launcher", "sdk", "scripts", "requirements", "tests")
LOOP, RESULT = "loop over `one`", "assignment to `found`"
FUNCTION, DOCSTRING = "participle as a function's name", "docstring of a test under five words"
OPENING = "docstring that opens with a question word"
KINDS: Final = (LOOP, RESULT, FUNCTION, DOCSTRING, OPENING)
QUESTION: Final = re.compile(r"(?:what|where|whether|who|whom|whose|how|when|why|which)\b", re.I)
LEAST_WORDS: Final = 5  # of a docstring of a test
# One word that is a participle; what looks the same and is a verb ("read", "cut") is none.
PARTICIPLE: Final = re.compile(
    r"_?(?!(?:embed|feed|need|proceed|seed|speed)$)(?:[a-z]{2,}ed|begun|bought|brought|built|done|"
    r"drawn|driven|fallen|felt|forgotten|found|given|gone|heard|held|kept|known|laid|left|lent|lost|"
    r"made|meant|met|paid|said|seen|sent|shown|sold|spoken|stolen|stood|sworn|taken|taught|thought|"
    r"told|torn|won|worn|written)"
)
Function = ast.FunctionDef | ast.AsyncFunctionDef


def sources(folder: str) -> list[Path]:
    """Return the Python files of a folder of the repository."""
    return sorted((ROOT / folder).rglob("*.py"))


def findings(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the kind of each finding in a file, and its place."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        for kind in kinds(node):
            yield kind, f"{path}:{line_of(node)}"


def line_of(node: ast.AST) -> int:
    """Return the line of a node; of a comprehension's part, that of its variable."""
    place = node.target if isinstance(node, ast.comprehension) else node
    return int(getattr(place, "lineno", 0))


def kinds(node: ast.AST) -> Iterator[str]:
    """Yield the kinds of finding that a node is."""
    if isinstance(node, ast.For | ast.AsyncFor | ast.comprehension) and is_name(node.target, "one"):
        yield LOOP
    if isinstance(node, ast.Assign) and any(is_name(target, "found") for target in node.targets):
        yield RESULT
    if isinstance(node, ast.AnnAssign | ast.NamedExpr) and is_name(node.target, "found"):
        yield RESULT
    if isinstance(node, Function) and is_participle(node.name) and not is_value(node):
        yield FUNCTION
    if isinstance(node, Function) and node.name.startswith("test_") and is_short(node):
        yield DOCSTRING
    if isinstance(node, Function | ast.ClassDef | ast.Module) and asks(node):
        yield OPENING


def is_name(node: ast.AST, name: str) -> bool:
    """Return whether a node is this variable."""
    return isinstance(node, ast.Name) and node.id == name


def is_participle(name: str) -> bool:
    """Return whether a function's name is one word that is a participle."""
    return bool(PARTICIPLE.fullmatch(name))


def is_value(function: Function) -> bool:
    """Return whether a function stands for its value: a property, or a fixture of pytest."""
    decorators = " ".join(map(ast.unparse, function.decorator_list))
    return "property" in decorators or "fixture" in decorators


def is_short(function: Function) -> bool:
    """Return whether a docstring has fewer words than a sentence."""
    words = (ast.get_docstring(function) or "").split()
    return 0 < len(words) < LEAST_WORDS


def asks(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Module) -> bool:
    """Return whether a docstring opens with a question word instead of a verb or a noun."""
    return bool(QUESTION.match(ast.get_docstring(node) or ""))


def class_names() -> Mapping[str, list[str]]:
    """Return the files of each name that more than one class of the programs has."""
    places: dict[str, list[str]] = {}
    for folder in ("assurance", "gateway", "launcher", "sdk", "scripts"):
        for path in sources(folder):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.ClassDef):
                    places.setdefault(node.name, []).append(str(path.relative_to(ROOT)))
    return {name: paths for name, paths in places.items() if len(paths) > 1}


def counts(folder: str) -> Counter[str]:
    """Return how many findings of each kind a folder has."""
    return Counter(kind for path in sources(folder) for kind, _ in findings(path))


if __name__ == "__main__":
    for each in FOLDERS:
        for file in sources(each):
            for what, where in findings(file):
                print(f"{where}: {what}")  # noqa: T201 - for a person
