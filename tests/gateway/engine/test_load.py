"""The engine's load out of its metrics."""

from gateway.engine.load import EngineLoad, read

TWO_ENGINES = b"""\
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="a b{c}"} 3.0
vllm:num_requests_running{engine="1",model_name="a b{c}"} 2.0
vllm:kv_cache_usage_perc{engine="0"} 0.25
vllm:kv_cache_usage_perc{engine="1"} 0.75
vllm:generation_tokens_total 1.2e+03
vllm:num_requests_running_other 9.0
"""


def test_engines_of_a_group() -> None:
    """Requests and tokens add up; the fullest cache is the one that matters."""
    load = read(TWO_ENGINES)

    assert load == EngineLoad(running=5, kv_cache_usage=0.75, generated_tokens=1200)


def test_nothing_is_told() -> None:
    """An engine other than vLLM."""
    assert read(b"") == EngineLoad()
