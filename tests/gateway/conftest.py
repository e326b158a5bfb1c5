"""Hypothesis tests have no deadline: tests of durations assert them explicitly."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "gateway",
    deadline=None,  # a loaded machine is no counterexample
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("gateway")
