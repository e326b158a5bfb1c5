"""The engines' metrics: merged, and summarised as a load."""

from prometheus_client.parser import text_string_to_metric_families

from gateway.engine.metrics import EngineLoad, merge, read_load

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
    """Requests and tokens add up; of the caches the fullest counts."""
    load = read_load(TWO_ENGINES)

    assert load == EngineLoad(running=5, kv_cache_usage=0.75, generated_tokens=1200)


def test_the_engine_s_part_is_its_own_families() -> None:
    """Its process metrics would clash with ours."""
    exposition = (
        b"# HELP vllm:x X.\n# TYPE vllm:x counter\nvllm:x 1\n"
        b'# HELP process_cpu y\nprocess_cpu 2\nhttp_x{a="vllm:"} 3\n'
    )
    assert merge([exposition]) == exposition[: exposition.index(b"# HELP process")]


def test_the_engines_part_of_several_is_one_text() -> None:
    """Each family once, as the format requires; an `engine` label distinguishes the samples."""
    text = (
        b"# HELP vllm:a_total A.\n# TYPE vllm:a_total counter\n"
        b'vllm:a_total{engine="0",model_name="m"} 1.0\n'
        b"# HELP python_info P.\n# TYPE python_info gauge\npython_info 1.0\n"
        b'# HELP vllm:b B.\n# TYPE vllm:b gauge\nvllm:b{engine="0"} 2.0\n'
    )
    samples = {
        family.name: [(sample.labels["engine"], sample.value) for sample in family.samples]
        for family in text_string_to_metric_families(merge([text, b"", text]).decode())
    }

    assert samples == {"vllm:a": [("0", 1.0), ("2", 1.0)], "vllm:b": [("0", 2.0), ("2", 2.0)]}
