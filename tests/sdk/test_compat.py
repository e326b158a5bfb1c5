"""The files of sdk/compat in place of MM-HIE's own: its application runs unchanged."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx2
import pytest

from tests.contract.process import free_port
from tests.fake_engine.process import FakeEngine
from tests.sdk.conftest import Serve
from tests.sdk.scripted_server import CHAT_ANSWER, JSON_ANSWER, reply
from tests.sdk.test_package import SDK, run
from tests.waiting import until

COMPAT = SDK / "compat"
# The original README's sample, word for word.
SAMPLE = """\
from app.llm.reasoning_model import medical_reasoner

prompt = "Summarise the multimodal findings for this patient and suggest next steps."
summary = medical_reasoner.generate(prompt)
"""
CALLERS = """
from app.llm import MedicalReasoningLLM, medical_reasoner
from app.llm.reasoning_model import MedicalReasoningLLM as SAME
assert MedicalReasoningLLM.instance() is SAME.instance() is medical_reasoner
assert isinstance(summary, str)
assert medical_reasoner.chat([{"role": "user", "content": "Hello."}]) == "Hello."
print(summary)
"""
BODY = {"prompt": "How is croup treated?", "max_tokens": 256, "stream": False}


@pytest.fixture
def backend(tmp_path: Path) -> Path:
    """The folder of a backend whose `app/llm` has our files instead of its own."""
    shutil.copytree(COMPAT / "app", tmp_path / "app", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "app" / "__init__.py").touch()
    return tmp_path


def test_the_sample_runs(serve: Serve, backend: Path) -> None:
    """And the other imports of a backend."""
    server = serve(reply(JSON_ANSWER), reply(CHAT_ANSWER))

    assert run(SAMPLE + CALLERS, path=backend, MMHIE_URL=server.url) == "Rest and fluids."
    assert server.calls[0].json()["prompt"].startswith("Summarise the multimodal findings")


def test_the_service_runs_under_uvicorn(backend: Path, engine: FakeEngine) -> None:
    """`uvicorn app.llm.reasoning_service:app` has the three endpoints, and streams."""
    with running_service(backend, engine.url) as client:
        assert client.get("/healthz").json()["status"] == "ok"
        assert client.get("/metrics").status_code == 200
        assert client.post("/llm/generate", json=BODY).json()["text"].strip()
        streamed = client.post("/llm/generate", json={**BODY, "stream": True})
        plain = {"accept": "text/plain"}
        text = client.post("/llm/generate", json={**BODY, "stream": True}, headers=plain)

    assert streamed.text.endswith("data: [DONE]\n\n")
    assert text.headers["content-type"].startswith("text/plain")


@contextmanager
def running_service(backend: Path, engine_url: str) -> Iterator[httpx2.Client]:
    """Run uvicorn as a backend's operator did; yield a client of the service when it is ready."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "app.llm.reasoning_service:app", f"--port={port}"]
    environ = {**os.environ, "MMHIE_ENGINE_URL": engine_url}
    with (
        httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client,
        subprocess.Popen(command, cwd=backend, env=environ) as process,
    ):
        try:
            until(lambda: is_ready(client))
            yield client
        finally:
            process.terminate()


def is_ready(client: httpx2.Client) -> bool:
    with suppress(httpx2.TransportError):
        return client.get("/readyz").status_code == 200
    return False
