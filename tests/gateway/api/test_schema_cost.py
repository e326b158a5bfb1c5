"""The costliest schemas that pass, in the engine's own compiler, against an ordinary pattern.

Processor time of one run, as a ratio, so that a busy or older machine makes no difference.
"""

import json
import time
from typing import Any

import pytest
import xgrammar

from gateway.api.constraints import check_constraints
from tests.gateway.api.common_schemas import of, text
from tests.gateway.api.test_constraints import in_format
from tests.models.vocabulary import ORDINARY, encoding

pytestmark = pytest.mark.slow

MOST_TIMES = 6  # the ordinary one takes 0.6 to 1.3 s


def several(schema: Any, number: int) -> dict[str, Any]:
    """Return an array of this many items, each of which is compiled."""
    return {"type": "array", "prefixItems": [schema] * number, "minItems": number}


def optional(number: int, **more: int) -> dict[str, Any]:
    return of(
        {f"p{at}": {"type": "integer"} for at in range(number)},
        *map("p{}".format, range(64)),
        **more,
    )


ORDINARY_PATTERN = text(pattern="^.{1,30}$")
SCHEMAS: dict[str, Any] = {
    "letters counted": text(pattern="^[a-z]{150}$"),
    "a repeated group": text(pattern="^(.{1,3}){1,4}$"),
    "counted classes": text(pattern=r"^[a-z]{0,9}[a-z]{0,9}[a-z]{0,9}$"),
    "formats": several(text(format="email"), 15),
    "bounds": several({"type": "number", "minimum": -1e15, "maximum": 0.98765}, 150),
    "optional properties": several(optional(64), 7),
    "counted properties": several(optional(16, minProperties=8), 31),
    "one long value": {"const": "x y" * 13_000},
    "values with one beginning": {"enum": ["word " * 60 + str(at) for at in range(120)]},
    "objects": several({"type": "object", "additionalProperties": {"type": "number"}}, 450),
    "lengths": several({"type": "string", "minLength": 500, "maxLength": 99_999}, 400),
    "alternatives": {"anyOf": [of({f"k{at}": text()}) for at in range(300)]},
}


@pytest.fixture(scope="module")
def compiler() -> Any:
    """Return the compiler as vLLM uses it, with gpt-oss's vocabulary."""
    decode = encoding()._inner.decode_bytes
    words = [bytes(decode([number])) for number in range(ORDINARY)]
    tokens = xgrammar.TokenizerInfo(words, stop_token_ids=[0])
    return xgrammar.GrammarCompiler(tokens, max_threads=8, cache_enabled=False)


@pytest.fixture(scope="module")
def ordinary_s(compiler: Any) -> float:
    return compiling_s(compiler, ORDINARY_PATTERN)


def compiling_s(compiler: Any, schema: Any) -> float:
    before = time.process_time()
    compiler.compile_json_schema(json.dumps(schema))
    return time.process_time() - before


@pytest.mark.parametrize("name", SCHEMAS)
def test_what_passes_compiles_soon(name: str, compiler: Any, ordinary_s: float) -> None:
    """Each schema is close to a limit."""
    check_constraints(in_format(SCHEMAS[name]), ())

    assert compiling_s(compiler, SCHEMAS[name]) < MOST_TIMES * ordinary_s
