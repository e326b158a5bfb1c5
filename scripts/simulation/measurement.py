"""Measurement of two real engines: step time by batch size on one, then given rates on both.

It attaches to a running `mmhie serve --engines 2` of this user and sends streamed chat completions.
The record has times and counts, no text.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import random
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import httpx2
import psutil

from launcher.capacity.engine_load import RequestCost
from scripts.simulation.engine_speed import EngineSpeed, from_contended_record
from scripts.simulation.trace import TracedCall, Traffic, poisson_arrivals
from tests.bench.machine import machine

ROUTER: Final = "vllm_router.launch_router"
BATCHES: Final = (1, 2, 4, 8, 16, 24)
PROMPTS: Final = (32, 128, 512)
SHARES: Final = (0.4, 0.8, 1.2, 1.6)  # of the throughput of both in batches of BATCHES[-1]
TRAFFIC: Final = Traffic(tokens_in=64, tokens_out=24)
SECONDS: Final = 30.0
STEP_TOKENS: Final = 40
WRITTEN: Final = 8
LONG_ANSWER: Final = 200
AMONG_S: Final = 0.8
REPEATS: Final = 9
NUMBERS: Final = itertools.count(time.time_ns())
WORDS: Final = ("iron", "zinc", "salt", "milk", "rice", "corn", "fish", "bean")
TEMPLATE_TOKENS: Final = 30  # the model's chat template around a prompt
TIMEOUT_S: Final = 300


@dataclass(frozen=True)
class Stack:
    """Addresses, key and model of a running service."""

    gateway: str
    engines: tuple[str, ...]
    key: str
    model: str


@dataclass(frozen=True)
class Observation:
    """One measured request: token counts, and the arrival time of each token in s."""

    tokens_in: int
    tokens_out: int
    stamps: tuple[float, ...]

    @property
    def first_s(self) -> float:
        """Time to the first token."""
        return self.stamps[0]

    @property
    def last_s(self) -> float:
        """Time to the last token."""
        return self.stamps[-1]


def find(url: str) -> Stack:
    """Find the engines behind the gateway at `url` in the processes of its launcher."""
    gateway = _gateway(str(urlsplit(url).port))
    router = next(line for parent in gateway.parents() for line in _below(parent) if ROUTER in line)
    engines = tuple(router[router.index("--worker-urls") + 1 :])
    key = gateway.environ()["MMHIE_ENGINE_API_KEY"]
    listed = httpx2.get(f"{engines[0]}/v1/models", headers=_bearer(key)).json()
    return Stack(url, engines, key, listed["data"][0]["id"])


def _gateway(port: str) -> psutil.Process:
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):  # another user's, or gone
            if "gateway" in process.cmdline() and process.environ().get("MMHIE_PORT") == port:
                return process
    raise SystemExit(f"No gateway of yours has port {port}; start `mmhie serve --engines 2` first.")


def _below(process: psutil.Process) -> Iterator[list[str]]:
    """Yield command lines; the router hides its own, but the guard that started it has the same."""
    for child in process.children(recursive=True):
        with contextlib.suppress(psutil.Error):
            yield child.cmdline()


def _bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def body(model: str, call: TracedCall) -> dict[str, Any]:
    """Return a request with a unique prompt of about `tokens_in` tokens and a fixed output."""
    draw = random.Random(next(NUMBERS))  # noqa: S311  # words, no secret
    text = " ".join(draw.choices(WORDS, k=max(1, call.tokens_in - TEMPLATE_TOKENS)))
    return {
        "model": model,
        "messages": [{"role": "user", "content": text}],
        "max_tokens": call.tokens_out,
        "min_tokens": call.tokens_out,
        "ignore_eos": True,
        "temperature": 0,
        "stream": True,
        "stream_options": {"include_usage": True},
    }


async def send(client: httpx2.AsyncClient, request: dict[str, Any], began: float) -> Observation:
    """Send one streaming request; each event with text or a finish reason is a token."""
    stamps: list[float] = []
    usage: dict[str, int] = {}
    async with client.stream("POST", "/v1/chat/completions", json=request) as answer:
        answer.raise_for_status()
        async for line in answer.aiter_lines():
            now = time.perf_counter() - began
            event = json.loads(line[6:]) if line.startswith("data: {") else {}
            usage = event.get("usage") or usage
            if event.get("choices") and "role" not in event["choices"][0]["delta"]:
                stamps.append(now)
    if not stamps:
        raise SystemExit("The engine sent an answer without tokens; check its log.")
    return Observation(usage["prompt_tokens"], usage["completion_tokens"], tuple(stamps))


async def together(
    client: httpx2.AsyncClient, model: str, calls: Sequence[TracedCall]
) -> list[Observation]:
    """Send the requests at their arrival times."""
    began = time.perf_counter()

    async def observe(call: TracedCall) -> Observation:
        await asyncio.sleep(max(0.0, began + call.at_s - time.perf_counter()))
        return await send(client, body(model, call), began + call.at_s)

    return list(await asyncio.gather(*map(observe, calls)))


def step_s(observed: Sequence[Observation]) -> float:
    """Return the seconds between tokens while all of these were in decode."""
    begin, end = (
        max(observation.first_s for observation in observed),
        min(observation.last_s for observation in observed),
    )
    gaps = [
        later - earlier
        for observation in observed
        for earlier, later in zip(observation.stamps, observation.stamps[1:], strict=False)
        if begin <= earlier and later <= end
    ]
    return statistics.fmean(gaps)


def _client(url: str, key: str | None = None) -> httpx2.AsyncClient:
    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=0)
    headers = _bearer(key) if key else {}
    return httpx2.AsyncClient(base_url=url, timeout=TIMEOUT_S, limits=limits, headers=headers)


async def on_one(stack: Stack) -> dict[str, Any]:
    """Measure one engine while the other is idle: its steps, and how prefill delays them."""
    async with _client(stack.engines[0], stack.key) as client:
        steps = await _all_steps([client], stack.model)
        among = [await _among(client, stack.model, tokens) for tokens in PROMPTS]
    return {"steps": steps, "written": WRITTEN, "among": among}


async def on_each(stack: Stack) -> dict[str, Any]:
    """Measure the steps of one engine while the others, on the same machine, do the same."""
    async with contextlib.AsyncExitStack() as opened:
        clients = [
            await opened.enter_async_context(_client(url, stack.key)) for url in stack.engines
        ]
        return {"steps": await _all_steps(clients, stack.model)}


async def _all_steps(clients: Sequence[httpx2.AsyncClient], model: str) -> list[dict[str, float]]:
    await _on_each(
        clients, model, [TracedCall(0, 40, 8)] * 2
    )  # compiles what is compiled at first use
    return [await _steps(clients, model, batch) for batch in BATCHES]


async def _on_each(
    clients: Sequence[httpx2.AsyncClient], model: str, calls: Sequence[TracedCall]
) -> list[Observation]:
    """Send the same requests to all engines; return those of the first."""
    return (await asyncio.gather(*(together(client, model, calls) for client in clients)))[0]


async def _steps(clients: Sequence[httpx2.AsyncClient], model: str, batch: int) -> dict[str, float]:
    observed = await _on_each(clients, model, [TracedCall(0, 64, STEP_TOKENS)] * batch)
    return {"batch": batch, "step_s": step_s(observed)}


async def _among(client: httpx2.AsyncClient, model: str, tokens: int) -> dict[str, float]:
    """Send new prompts, one after the other, while WRITTEN answers are in decode.

    `first_s` is the time to their first token, `held_s` the gap that each causes in the others.
    """
    began = time.perf_counter()
    writing = asyncio.create_task(
        together(client, model, [TracedCall(0, 64, LONG_ANSWER)] * WRITTEN)
    )
    await asyncio.sleep(AMONG_S)
    sent, observed = [], []
    for _ in range(REPEATS):
        sent.append(time.perf_counter() - began)
        observed += await together(client, model, [TracedCall(0, tokens, 2)])
        await asyncio.sleep(AMONG_S / 4)
    others = await writing
    return {
        "tokens_in": statistics.fmean(observation.tokens_in for observation in observed),
        "first_s": statistics.median(observation.first_s for observation in observed),
        "held_s": statistics.median(
            max_gap_s(others, at, at + observation.last_s)
            for at, observation in zip(sent, observed, strict=True)
        ),
    }


def max_gap_s(observed: Sequence[Observation], begin: float, end: float) -> float:
    """Return the longest gap between tokens that overlaps this time, the median over requests."""
    return statistics.median(
        max(
            later - earlier
            for earlier, later in itertools.pairwise(observation.stamps)
            if later >= begin and earlier <= end
        )
        for observation in observed
    )


async def on_both(stack: Stack, rate: float) -> dict[str, Any]:
    """Send requests at this rate through gateway and router, and return each with its times."""
    calls = poisson_arrivals(rate, SECONDS, TRAFFIC, seed=round(rate * 10))
    async with _client(stack.gateway) as client:
        observed = await together(client, stack.model, calls)
    rows = [
        {
            "at_s": call.at_s,
            "tokens_in": observation.tokens_in,
            "tokens_out": observation.tokens_out,
            "first_s": observation.first_s,
            "last_s": observation.last_s,
        }
        for call, observation in zip(calls, observed, strict=True)
    ]
    print(f"==> {rate} requests/s: {len(rows)} answers", flush=True)
    return {"rate": rate, "seconds": SECONDS, "calls": rows}


def limit(speed: EngineSpeed) -> float:
    """Return the requests per second of one engine at the largest batch that was measured."""
    prompt_s = speed.request_s + TRAFFIC.tokens_in * speed.read_s
    work = RequestCost(lambda batch: speed.steps[int(batch)], prompt_s, TRAFFIC.tokens_out)
    return work.rate(BATCHES[-1])


async def measured(url: str) -> dict[str, Any]:
    """Make the whole record."""
    stack = find(url)
    engine = {"alone": await on_one(stack), "beside": await on_each(stack)}
    print(f"==> one engine: {engine}", flush=True)
    most = limit(from_contended_record(engine, BATCHES[-1])) * len(stack.engines)
    return {
        "machine": machine(),
        "model": stack.model,
        "engines": len(stack.engines),
        "policy": "power_of_two",
        **engine,
        "both": [await on_both(stack, round(share * most, 1)) for share in SHARES],
    }
