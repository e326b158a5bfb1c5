"""The LangChain chat model, with LangChain in an environment of its own."""

import os
import subprocess
from pathlib import Path

import pytest
from mmhie.testing import DISCLAIMER, FakeServer, running

from tests.compatibility.clients import LOCKS
from tests.compatibility.environment import python_with

pytestmark = pytest.mark.slow  # making the environment takes half a minute, once

SDK = Path(__file__).parents[2] / "sdk"
SCRIPT = Path(__file__).with_name("langchain_use.py")


def test_a_chain(tmp_path: Path) -> None:
    """Invoke, stream, conversation, async, a chain; the disclaimer and the notices come along."""
    with running() as server:
        prepared(server)
        done = subprocess.run(
            [python_with(LOCKS / "langchain-openai.txt"), SCRIPT],
            env={**os.environ, "PYTHONPATH": str(SDK), "MMHIE_URL": server.url},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        asked = server.requests

    assert done.returncode == 0, done.stderr
    assert done.stdout == DISCLAIMER
    assert asked[0]["stop"] == ["END"]
    assert [turn["role"] for turn in asked[2]["messages"]] == ["user", "assistant", "user"]
    assert (asked[1]["stream"], asked[1]["system"]) == (True, "Be brief.")


def prepared(server: FakeServer) -> None:
    """Answers to langchain_use.py, in order."""
    server.answer("Rest.", notices=[{"id": "MED101"}], reasoning="Hm.")
    server.answer("Two words.", notices=[{"id": "MED101"}])
    server.answer("And water.")
    server.answer("Later.")
    server.answer("Later, in pieces.")
    server.fail("held", "Under repair.")
