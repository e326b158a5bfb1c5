"""The engines' metrics: scraped, merged into one Prometheus text, and summarised as a load."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

from gateway.engine.client import EngineClient, EngineRequest
from gateway.engine.tls import EngineUntrusted
from gateway.errors import GatewayError
from gateway.runtime.heavy_work import HeavyWork

SCRAPE = EngineRequest("GET", "/metrics", total_s=2.0)
SCRAPE_AT_ROOT = SCRAPE._replace(is_at_root=True)
VLLM = (b"vllm:", b"# HELP vllm:", b"# TYPE vllm:")
# vLLM numbers the replicas of a data-parallel group; every engine starts with 0.
FIRST = b'engine="0"'
# One series per engine of a data-parallel group: requests add up, the fullest cache counts.
SERIES: Mapping[str, tuple[str, Callable[[Iterable[float]], float]]] = {
    "vllm:num_requests_running": ("running", sum),
    "vllm:num_requests_waiting": ("waiting", sum),
    "vllm:kv_cache_usage_perc": ("kv_cache_usage", max),
    "vllm:prompt_tokens_total": ("prompt_tokens", sum),
    "vllm:generation_tokens_total": ("generated_tokens", sum),
}
READ = tuple(name.encode() for name in SERIES)


async def scrape(engines: Sequence[EngineClient], heavy: HeavyWork) -> bytes:
    """Return the `vllm:*` families of all engines that answer, with at most 16 MiB each. Their
    process and HTTP metrics would clash with the gateway's."""
    expositions = await asyncio.gather(*map(fetch, engines))
    return await heavy.on(sum(map(len, expositions)), lambda: merge(expositions))


async def fetch(engine: EngineClient) -> bytes:
    """Return one engine's metrics; none while it cannot be reached or is not trusted."""
    try:
        status, body = await engine.fetch(SCRAPE)
        if status == 404 and engine.prefix:  # KServe has them beside `/openai`
            status, body = await engine.fetch(SCRAPE_AT_ROOT)
    except EngineUntrusted as error:
        engine.note_trust(error.message)
        return b""
    except GatewayError:
        return b""
    engine.note_trust()
    return body if status == 200 else b""


def merge(expositions: Sequence[bytes]) -> bytes:
    """Return the families of `vllm:*`, each once, with the samples of every engine under its own
    `engine` label: in two places a family is not valid (Prometheus text format 0.0.4)."""
    families: dict[bytes, list[bytes]] = {}
    for number, exposition in enumerate(expositions):
        family, is_new = families.setdefault(b"", []), True
        for line in exposition.splitlines(keepends=True):
            if line.startswith(b"# HELP "):
                is_new = line.split()[2] not in families
                family = families.setdefault(line.split()[2], [])
            if line.startswith(VLLM) and (is_new or not line.startswith(b"#")):
                family.append(line.replace(FIRST, b'engine="%d"' % number, 1))
    return b"".join(line for lines in families.values() for line in lines)


@dataclass(frozen=True, slots=True)
class EngineLoad:
    """Requests now, the share of the KV cache in use (0 to 1), tokens since the engine's start."""

    running: float | None = None
    waiting: float | None = None
    kv_cache_usage: float | None = None
    prompt_tokens: float | None = None
    generated_tokens: float | None = None


def read_load(exposition: bytes) -> EngineLoad:
    """Return the load in a Prometheus text; missing values are None."""
    lines = [line for line in exposition.splitlines() if line.startswith(READ)]
    samples: dict[str, list[float]] = {}
    for family in text_string_to_metric_families(b"\n".join(lines).decode()):
        for sample in family.samples:
            samples.setdefault(sample.name, []).append(sample.value)
    return EngineLoad(
        **{name: total(samples[s]) for s, (name, total) in SERIES.items() if s in samples}
    )
