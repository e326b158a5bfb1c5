"""docs/clients.md: each block runs at a gateway with keys, and the trail has who asked."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.audit.pseudonyms import Pseudonyms
from requirements import programs
from tests.compatibility.environment import LOCKS, python_with
from tests.contract.process import Gateway
from tests.docs.examples import DOCS, Example, examples
from tests.fake_engine.process import FakeEngine
from tests.gateway.auth.conftest import add_key
from tests.waiting import until

KEY = "k" * 32
PATIENT = Pseudonyms.of(KEY).patient("MRN-0042")
PAGE = "clients.md"
WEBUI, LIBRECHAT, LANGCHAIN, MIRTH, SHELL = [
    example for example in examples() if example.page == PAGE
]
(SETTING,) = [
    line.partition("=")[2].partition(" ")[0]
    for line in (DOCS / PAGE).read_text().splitlines()
    if line.startswith("MMHIE_USER_HEADERS=")
]


class Hospital:
    """A gateway as the page sets it up, and what its trail says."""

    def __init__(self, folder: Path, engine: FakeEngine) -> None:
        self.trail = folder / "audit.jsonl"
        self.key = add_key(folder / "keys.json", "front-end", "generate", "openai", "on_behalf")
        self.gateway = Gateway(
            folder,
            engine.url,
            MMHIE_KEYS_FILE=str(folder / "keys.json"),
            MMHIE_USER_HEADERS=SETTING,
            MMHIE_AUDIT_FILE=str(self.trail),
            MMHIE_AUDIT_KEY=KEY,
        ).wait()

    def run(self, example: Example, *, python: str = sys.executable, **environ: str) -> str:
        """Return the output of a block."""
        environ |= {"MMHIE_API_KEY": self.key}
        done = example.run(self.gateway.url, python=python, **environ)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def until_asked(self, route: str, times: int = 1, **who: str | list[str]) -> None:
        """Wait until the trail has as many requests of a route, of these persons."""

        def is_there() -> bool:
            whole = self.trail.read_bytes().rpartition(b"\n")[0].splitlines()
            asked = {"route": route, **who}
            lines = map(json.loads, whole)
            return times == sum(asked == {name: line.get(name) for name in asked} for line in lines)

        until(is_there)


@pytest.fixture(scope="module")
def hospital(
    the_engine: FakeEngine, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Hospital]:
    """With the key that the page has made."""
    running = Hospital(tmp_path_factory.mktemp("hospital"), the_engine)
    with running.gateway:
        yield running


needs_curl = pytest.mark.skipif(bool(programs.reason("curl")), reason=programs.reason("curl"))
PERSON = "j.weber@hospital.example"
CHAT, GENERATE = "/v1/chat/completions", "/llm/generate"


@pytest.mark.parametrize(
    ("example", "printed", "asked"),
    [
        pytest.param(
            WEBUI, "data: [DONE]", {"route": CHAT, "times": 2, "user": PERSON}, marks=needs_curl
        ),
        (LIBRECHAT, "total_tokens", {"route": CHAT, "user": "Ana Marić"}),
        (MIRTH, "disclaimer: ", {"route": GENERATE, "patient": PATIENT, "purpose": ["TREAT"]}),
        pytest.param(
            SHELL, '"text":', {"route": GENERATE, "times": 2, "user": "dr.weber"}, marks=needs_curl
        ),
    ],
    ids=["Open WebUI", "LibreChat", "Mirth", "shell"],
)
def test_a_client(
    hospital: Hospital, engine: FakeEngine, example: Example, printed: str, asked: dict[str, Any]
) -> None:
    """Its block runs, and the trail has who asked; a shell asks a busy gateway again."""
    if example is SHELL:
        engine.next(fault="status", status=503, body="{}")

    assert printed in hospital.run(example)
    hospital.until_asked(**asked)
    assert "weber" not in str(engine.seen()).lower()


@pytest.mark.slow  # making LangChain's environment takes half a minute, once
def test_langchain(hospital: Hospital, engine: FakeEngine) -> None:
    """One answer by the model class, one by the SDK, which has the disclaimer."""
    python = python_with(LOCKS / "langchain-openai.txt")
    named = {"MMHIE_REASONER_MODEL": "fake-model", "PYTHONPATH": str(DOCS.parent / "sdk")}

    printed = hospital.run(LANGCHAIN, python=str(python), **named)

    assert "not clinical advice" in printed
    assert len(engine.seen("/v1/chat/completions")) == 2
