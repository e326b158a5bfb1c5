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
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import httpx2
import psutil

from launcher.capacity.engine_load import RequestCost
from scripts.simulation.engine_speed import EngineSpeed, from_contended_record
from scripts.simulation.scenario import TracedCall, Traffic, poisson_arrivals
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
LIMITS: Final = httpx2.Limits(max_connections=None, max_keepalive_connections=0)
TIMEOUT_S: Final = 300


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


@dataclass(frozen=True)
class MeasuredServer:
    """A gateway or an engine, and the model that it serves."""

    client: httpx2.AsyncClient
    model: str

    async def send(self, call: TracedCall, began: float) -> Observation:
        """Send one streaming request; each event with text or a finish reason is a token."""
        stamps: list[float] = []
        usage: dict[str, int] = {}
        request = body(self.model, call)
        async with self.client.stream("POST", "/v1/chat/completions", json=request) as answer:
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

    async def together(self, calls: Sequence[TracedCall]) -> list[Observation]:
        """Send the requests at their arrival times."""
        began = time.perf_counter()

        async def observe(call: TracedCall) -> Observation:
            await asyncio.sleep(max(0.0, began + call.at_s - time.perf_counter()))
            return await self.send(call, began + call.at_s)

        return list(await asyncio.gather(*map(observe, calls)))


def find(url: str) -> tuple[list[str], str]:
    """Return the engines behind the gateway at `url`, and their key: its launcher's processes."""
    port = str(urlsplit(url).port)
    processes = list(psutil.process_iter(["cmdline", "environ"]))  # both None of another user's
    for gateway in processes:
        environ = gateway.info["environ"] or {}
        if "gateway" in (gateway.info["cmdline"] or ()) and environ.get("MMHIE_PORT") == port:
            break
    else:
        raise SystemExit(f"No gateway of yours has port {port}; start `mmhie serve --engines 2`.")
    # The router hides its own command line, but the guard that started it has the same.
    routers = [process for process in processes if ROUTER in (process.info["cmdline"] or ())]
    line: list[str] = next(
        router.info["cmdline"]
        for parent in gateway.parents()
        for router in routers
        if parent in router.parents()
    )
    return line[line.index("--worker-urls") + 1 :], environ["MMHIE_ENGINE_API_KEY"]


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


def step_s(observed: Sequence[Observation]) -> float:
    """Return the seconds between tokens while all of these were in decode."""
    begin = max(observation.first_s for observation in observed)
    end = min(observation.last_s for observation in observed)
    return statistics.fmean(
        later - earlier
        for observation in observed
        for earlier, later in itertools.pairwise(observation.stamps)
        if begin <= earlier and later <= end
    )


async def steps(engines: Sequence[MeasuredServer]) -> list[dict[str, float]]:
    """Measure the steps of the first engine while the others, on its machine, do the same."""

    async def on_each(calls: Sequence[TracedCall]) -> list[Observation]:
        return (await asyncio.gather(*(engine.together(calls) for engine in engines)))[0]

    await on_each([TracedCall(0, 40, 8)] * 2)  # compiles what is compiled at first use
    return [
        {"batch": batch, "step_s": step_s(await on_each([TracedCall(0, 64, STEP_TOKENS)] * batch))}
        for batch in BATCHES
    ]


async def among(engine: MeasuredServer, tokens: int) -> dict[str, float]:
    """Send new prompts, one after the other, while WRITTEN answers are in decode.

    `first_s` is the time to their first token, `held_s` the gap that each causes in the others.
    """
    began = time.perf_counter()
    writing = asyncio.create_task(engine.together([TracedCall(0, 64, LONG_ANSWER)] * WRITTEN))
    await asyncio.sleep(AMONG_S)
    sent, observed = [], []
    for _ in range(REPEATS):
        sent.append(time.perf_counter() - began)
        observed += await engine.together([TracedCall(0, tokens, 2)])
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


async def at_rate(gateway: MeasuredServer, rate: float) -> dict[str, Any]:
    """Send requests at this rate through gateway and router, and return each with its times."""
    calls = poisson_arrivals(rate, SECONDS, TRAFFIC, seed=round(rate * 10))
    rows = [
        {
            "at_s": call.at_s,
            "tokens_in": observation.tokens_in,
            "tokens_out": observation.tokens_out,
            "first_s": observation.first_s,
            "last_s": observation.last_s,
        }
        for call, observation in zip(calls, await gateway.together(calls), strict=True)
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
    urls, key = find(url)
    with_key = {"Authorization": f"Bearer {key}"}
    async with contextlib.AsyncExitStack() as opened:
        clients = [
            await opened.enter_async_context(
                httpx2.AsyncClient(base_url=base, timeout=TIMEOUT_S, limits=LIMITS, headers=headers)
            )
            for base, headers in ((url, {}), *((engine, with_key) for engine in urls))
        ]
        model = (await clients[1].get("/v1/models")).json()["data"][0]["id"]
        gateway, *engines = (MeasuredServer(client, model) for client in clients)
        alone: dict[str, Any] = {"steps": await steps(engines[:1]), "written": WRITTEN}
        alone["among"] = [await among(engines[0], tokens) for tokens in PROMPTS]
        engine = {"alone": alone, "beside": {"steps": await steps(engines)}}
        print(f"==> one engine: {engine}", flush=True)
        most = limit(from_contended_record(engine, BATCHES[-1])) * len(engines)
        both = [await at_rate(gateway, round(share * most, 1)) for share in SHARES]
    about = {"machine": machine(), "model": model, "engines": len(engines)}
    return {**about, "policy": "power_of_two", **engine, "both": both}
