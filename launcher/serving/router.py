"""Command line of vLLM's router, which stands before several engines."""

import sys
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Final

from launcher.errors import MissingPackage

PACKAGE: Final = "vllm_router"
INSTALL: Final = "pip install vllm-router==0.1.17"
# Its /health is 503 as soon as one engine is away; this one only when all are.
HEALTH: Final = "/readiness"
# With its own defaults an engine that died would be asked for minutes, one that came back would
# stay unused for a minute, and an answer would end after half an hour. The retries (before the
# first byte, 3 s in all) outlast the second in which a dead engine is not yet known.
FLAGS: Final = (
    ("--policy", "cache_aware"),  # the engine that has the beginning of a prompt in its cache
    ("--health-check-interval-secs", "1"),
    ("--health-failure-threshold", "1"),
    ("--health-success-threshold", "1"),
    ("--worker-startup-check-interval", "1"),
    ("--retry-max-retries", "6"),
    ("--retry-initial-backoff-ms", "100"),
    ("--retry-backoff-multiplier", "2"),
    ("--request-timeout-secs", "86400"),
    ("--log-level", "warning"),
)


def check_installed() -> None:
    """Raise MissingPackage, with the line that installs the router, when it is missing."""
    if find_spec(PACKAGE) is None:
        raise MissingPackage(f"Several engines need vLLM's router: run `{INSTALL}`.")


def argv(engines: Sequence[str], *, port: int, metrics_port: int) -> tuple[str, ...]:
    """Return the command of a router on loopback before these engines."""
    flags = (part for pair in FLAGS for part in pair)
    listen = ("--host", "127.0.0.1", "--port", str(port), "--prometheus-port", str(metrics_port))
    module = (sys.executable, "-m", f"{PACKAGE}.launch_router")
    return (*module, *listen, *flags, "--worker-urls", *engines)
