"""/metrics: a part of vLLM's families, and those its own web stack adds beside them."""

from dataclasses import dataclass, field

HEADER = """\
# HELP process_resident_memory_bytes Resident memory size in bytes.
# TYPE process_resident_memory_bytes gauge
process_resident_memory_bytes 1.0e+09
# HELP http_requests_total Total number of requests by method, status and handler.
# TYPE http_requests_total counter
http_requests_total{{handler="/v1/chat/completions",method="POST",status="2xx"}} {requests}
# HELP vllm:num_requests_running Number of requests in model execution batches.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{{engine="0",model_name="{model}"}} {running}
# HELP vllm:num_requests_waiting Number of requests waiting to be processed.
# TYPE vllm:num_requests_waiting gauge
vllm:num_requests_waiting{{engine="0",model_name="{model}"}} 0.0
# HELP vllm:kv_cache_usage_perc KV-cache usage. 1 means 100 percent usage.
# TYPE vllm:kv_cache_usage_perc gauge
vllm:kv_cache_usage_perc{{engine="0",model_name="{model}"}} {cache}
# HELP vllm:prompt_tokens_total Number of prefill tokens processed.
# TYPE vllm:prompt_tokens_total counter
vllm:prompt_tokens_total{{engine="0",model_name="{model}"}} {prompt}
# HELP vllm:generation_tokens_total Number of generation tokens processed.
# TYPE vllm:generation_tokens_total counter
vllm:generation_tokens_total{{engine="0",model_name="{model}"}} {generated}
"""


@dataclass(slots=True)
class Counts:
    """Counts of the engine's work since it started or was reset."""

    requests: dict[str, int] = field(default_factory=dict)
    generations: int = 0
    running: int = 0
    finished: int = 0
    aborted: int = 0
    prompt_tokens: int = 0
    generated_tokens: int = 0

    def saw(self, path: str) -> None:
        """Count one request on a path."""
        self.requests[path] = self.requests.get(path, 0) + 1


def render(counts: Counts, model: str) -> str:
    """The page a scrape gets."""
    return HEADER.format(
        model=model,
        requests=float(counts.generations),
        running=float(counts.running),
        cache=min(1.0, counts.running / 24),
        prompt=float(counts.prompt_tokens),
        generated=float(counts.generated_tokens),
    )
