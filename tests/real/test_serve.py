"""`mmhie serve` with a real vLLM: what a person sees, and what is left when it ends."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest

from tests.contract.surfaces import GENERATE
from tests.gateway.observability.collector import Collector
from tests.real.measuring import check_estimate
from tests.real.stack import Stack

pytestmark = pytest.mark.slow

ENGINE = "VLLM::EngineCor"  # a process name ends after 15 letters


def engine_core(stack: Stack) -> psutil.Process | None:
    """vLLM's own child, which outlives a killed API server when nobody looks after it."""
    try:
        return next(
            (process for process in stack.processes() if process.name().startswith(ENGINE)), None
        )
    except psutil.NoSuchProcess:
        return None  # one of them ended while it was looked at


def test_the_engine_sends_nothing_home_and_is_private(stack: Stack) -> None:
    """No usage statistics, no hub, a socket only its owner reaches, none of our keys."""
    env = stack.find("api_server").environ()

    assert env["VLLM_NO_USAGE_STATS"] == env["DO_NOT_TRACK"] == env["HF_HUB_OFFLINE"] == "1"
    assert not [name for name in env if name.startswith("MMHIE_")]
    assert stack.engine_socket.parent.stat().st_mode & 0o077 == 0
    assert env["VLLM_API_KEY"] == stack.engine_key
    assert stack.engine_key not in stack.log.read_text()
    assert not any(stack.engine_key in " ".join(process.cmdline()) for process in stack.processes())


def test_no_word_of_the_patient_in_the_log(stack: Stack, client: httpx2.Client) -> None:
    """Neither the question nor the answer, from engine or gateway."""
    marker = "Quetzalcoatlus"
    asked = {"prompt": f"My name is {marker}. What is a fever?", "max_tokens": 8}
    text = client.post(GENERATE, json=asked).json()["text"]

    said = stack.log.read_text()
    assert marker not in said
    assert text.strip()
    assert text.strip() not in said


@pytest.mark.parametrize("stream", [False, True])
def test_one_trace_from_the_caller_to_vllm(
    client: httpx2.Client, collector: Collector, stream: bool
) -> None:
    """vLLM's own span hangs below the gateway's, that below the caller's; no text in any byte."""
    trace = ("1" if stream else "2") * 32
    marker = "Quetzalcoatlus"
    body = {"prompt": f"{marker} has a fever. Why?", "max_tokens": 8, "stream": stream}
    headers = {"traceparent": f"00-{trace}-{'3' * 16}-01"}
    assert client.post(GENERATE, json=body, headers=headers).text

    def ours(spans: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
        return {span["name"]: span for span in spans if span["trace"] == trace}

    spans = ours(collector.until(lambda spans: len(ours(spans)) == 3))
    own, asked, engines = spans["POST /llm/generate"], spans["chat embedded"], spans["llm_request"]
    assert (own["parent"], asked["parent"], engines["parent"]) == ("3" * 16, own["id"], asked["id"])
    assert (own["service"], engines["service"]) == ("mmhie-gateway", "mmhie-engine")
    assert (
        asked["attributes"]["gen_ai.usage.output_tokens"]
        == engines["attributes"]["gen_ai.usage.completion_tokens"]
    )
    assert marker.encode() not in collector.raw


def test_the_estimate_holds(stack: Stack) -> None:
    """Resident size and cache tokens of the embedded model's engine within a tenth."""
    argv = stack.find("api_server").cmdline()
    prepared = Path(argv[argv.index("--model") + 1])
    check_estimate(stack, {"MMHIE_REASONER_MODEL": "embedded"}, prepared)
