"""Tests that ask the engine of the whole run are named where processes share them."""

import ast
import re
from pathlib import Path

from tests.scheduling import engine_of

REAL = Path(__file__).parent / "real"
FIXTURES = {"stack": "embedded", "gpt_oss": "gpt-oss", "breakable": "breakable"}


def asked(module: Path) -> set[str]:
    """Names of the shared engines that tests and fixtures of a module take."""
    functions = [
        node
        for node in ast.walk(ast.parse(module.read_text()))
        if isinstance(node, ast.FunctionDef)
    ]
    own = {function.name for function in functions if "fixture" in decorators(function)}
    takers = [
        function
        for function in functions
        if function.name.startswith("test_") or function.name in own
    ]
    taken = {argument.arg for taker in takers for argument in taker.args.args}
    return {FIXTURES[name] for name in FIXTURES.keys() & taken - own}


def decorators(function: ast.FunctionDef) -> str:
    return " ".join(map(ast.unparse, function.decorator_list))


def test_a_module_is_with_its_engine() -> None:
    """Else it finds the engine ended by the tests that end it, or starts one more."""
    for module in REAL.glob("test_*.py"):
        path = f"tests/real/{module.name}::"
        engines = {engine_of(f"{path}test_embedded"), engine_of(f"{path}test_gpt_oss")}
        assert asked(module) <= engines, module


def marks(module: Path) -> str:
    """Source of the marks that a module gives to all its tests."""
    return "".join(
        ast.unparse(node.value)
        for node in ast.parse(module.read_text()).body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "pytestmark"
    )


def test_a_module_is_of_engines() -> None:
    """`make test` has one module with a real engine; the others are slow."""
    for module in REAL.glob("test_*.py"):
        marker = "mark.engine" if module.stem == "test_smoke" else "mark.slow"
        assert marker in marks(module), module


def test_the_marker_is_in_test_modules() -> None:
    """`make test-slow` and `make test-gate` look for it there, and collect no other module."""
    helpers = [path for path in REAL.parent.rglob("*.py") if not path.name.startswith("test_")]
    assert not [path for path in helpers if re.search("mark[.](slow|gate)", path.read_text())]
