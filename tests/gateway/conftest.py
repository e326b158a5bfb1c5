"""Properties are about what comes out; how long it may take is asserted where it matters."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "gateway",
    deadline=None,  # a loaded machine is no counterexample
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("gateway")
