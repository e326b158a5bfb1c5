"""Write the words of vLLM's own error messages to gateway/engine/error_words.toml.

`python -m scripts.engine_words`, with the packages of requirements/ installed. Only these words of
an engine's message reach a client: see gateway/engine/error_text.py.
"""

import ast
import re
import textwrap
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from pydantic_core._pydantic_core import list_all_errors

TARGET = Path(__file__).parents[1] / "gateway/engine/error_words.toml"
SOURCES = {  # where vLLM reads requests, and what it calls for it
    "vllm": "entrypoints/anthropic entrypoints/common entrypoints/generate entrypoints/openai "
    "entrypoints/serve inputs parser reasoning renderers tool_parsers v1/structured_output "
    "v1/engine/input_processor.py sampling_params.py exceptions.py",
    "jinja2": "exceptions.py lexer.py parser.py runtime.py sandbox.py",
    "xgrammar": "structural_tag.py exception.py",
    "openai": "types/chat types/shared types/shared_params",
}
# Words of messages that are not in these sources.
OTHERS = """Regex EBNF lexer parsing error errors at position line column character char expected
The parenthesis is not closed Unclosed Unsupported type Cannot find field in Expecting value
delimiter property name enclosed double quotes Extra data Unterminated string starting Invalid
control escape ValueError Bad Conversation conversation roles must alternate try increasing it more
Provide"""
KEYS = {"body", "ctx", "error", "expected", "ge", "gt", "le", "lt", "url"}  # of a finding
PEOPLE = {"Face", "Harmony", "Kimi", "Long", "Per"}  # names of people, too
FORMS = re.compile(r"/protocol\.py|/sampling_params\.py|/types/")
MESSAGE = re.compile(r"message|msg|hint|reason$|(?<!^log_)error(?!$)", re.IGNORECASE)
WORD = re.compile(r"[A-Za-z][A-Za-z0-9_]+")


def files() -> Iterator[Path]:
    for package, places in SOURCES.items():
        spec = find_spec(package)
        for place in places.split():
            path = Path(str(spec and spec.origin)).parent / place
            yield from path.rglob("*.py") if path.is_dir() else [path]


def is_message(node: ast.AST) -> bool:
    """Return whether a node raises an error, makes one, or names its text."""
    if isinstance(node, ast.Assign | ast.Call):
        name = node.targets[0] if isinstance(node, ast.Assign) else node.func
        return bool(MESSAGE.search(ast.unparse(name)))
    return isinstance(node, ast.Raise)


def words_in(node: ast.AST) -> set[str]:
    texts = (each.value for each in ast.walk(node) if isinstance(each, ast.Constant))
    return {word for text in texts if isinstance(text, str) for word in WORD.findall(text)}


def names_in(node: ast.AST) -> set[str]:
    """Return a class and its fields, or the words that a Literal allows."""
    if isinstance(node, ast.ClassDef):
        fields = {ast.unparse(each.target) for each in node.body if isinstance(each, ast.AnnAssign)}
        return {node.name, *fields}
    is_literal = isinstance(node, ast.Subscript) and ast.unparse(node.value) == "Literal"
    return words_in(node) if is_literal else set()


def render() -> str:
    """Return the file."""
    names, words = set(KEYS), set(WORD.findall(OTHERS))
    for error in list_all_errors():
        words |= {error["type"], *WORD.findall(error["message_template_python"])}
    for file in files():
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            words |= words_in(node) if is_message(node) else set()
            names |= names_in(node) if FORMS.search(file.as_posix()) else set()
    text = "# Made by scripts/engine_words.py.\n"
    for name, part in (("names", names), ("words", words - names - PEOPLE)):
        text += f'{name} = """\n{textwrap.fill(" ".join(sorted(part)), 98)}\n"""\n'
    return text


if __name__ == "__main__":
    TARGET.write_text(render(), "utf-8")
