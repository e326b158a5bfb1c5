"""The series that the installed vLLM registers, read from its source without importing it."""

import ast
import importlib.util
from pathlib import Path

KINDS = {"_counter_cls": "counter", "_gauge_cls": "gauge", "_histogram_cls": "histogram"}
SAMPLES = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_count", "_sum")}


def series() -> set[str]:
    """Names as a query selects them."""
    package = importlib.util.find_spec("vllm")
    assert package is not None
    assert package.origin is not None
    file = Path(package.origin).parent / "v1" / "metrics" / "loggers.py"
    tree = ast.parse(file.read_text())
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return {name for call in calls for name in names(call)}


def names(call: ast.Call) -> list[str]:
    """The series of one `self._gauge_cls(name="vllm:...")`."""
    kind = KINDS.get(call.func.attr) if isinstance(call.func, ast.Attribute) else None
    given = {word.arg: word.value for word in call.keywords}
    name = given.get("name")
    if kind is None or not isinstance(name, ast.Constant):
        return []
    return samples(str(name.value), kind)


def samples(name: str, kind: str) -> list[str]:
    """Return the names that Prometheus gives the samples of a family."""
    return [name + end for end in SAMPLES[kind]]
